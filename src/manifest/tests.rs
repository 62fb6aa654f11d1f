//! Whole manifests: what loads, and for every mistake the page that a person reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Inputs, Loaded, Problems, json_schema, load};

fn load_paths(paths: &[PathBuf]) -> Result<Loaded, Problems> {
    let env = |name: &str| (name == "SET").then(|| "from-environment".to_owned());
    let vars = BTreeMap::from([("interval".to_owned(), "30".to_owned())]);
    load(paths, &Inputs { env: &env, vars })
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

#[test]
fn the_example_loads() {
    let problems = load_paths(&[examples().join("zendesk.yaml")]);
    match problems {
        Ok(l) => { println!("{}", l.warnings.text(false, 120)); println!("{:#?}", l.manifest) }
        Err(p) => panic!("{}", p.text(false, 120)),
    }
    panic!()
}

#[test]
fn the_schema_is_committed() {
    let text = format!("{:#}\n", json_schema());
    std::fs::write(examples().join("flowform.schema.json"), text).unwrap();
}
