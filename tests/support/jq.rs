//! jq, on machines without jq.

use std::fmt::Write as _;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

/// What jq prints for these inputs, strings as they are (`--raw-output`). A variable's name begins with `$`.
pub(crate) fn jq(filter: &str, inputs: &str, variables: &[(&str, Value)]) -> String {
    let program = File { code: filter, path: () };
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(defs).load(&arena, program).unwrap();
    let names = variables.iter().map(|(name, _)| *name);
    let filter = Compiler::default().with_funs(funs).with_global_vars(names).compile(modules).unwrap();
    let value = |text: &str| -> Val { read::parse_many(text.as_bytes()).next().unwrap().unwrap() };
    let mut out = String::new();
    for input in read::parse_many(inputs.as_bytes()) {
        let vars = Vars::new(variables.iter().map(|(_, v)| value(&v.to_string())).collect::<Vec<_>>());
        let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, vars);
        for value in filter.id.run((context, input.unwrap())).map(unwrap_valr) {
            let text = value.unwrap().to_string();
            let text = serde_json::from_str::<String>(&text).unwrap_or(text);
            let _ = writeln!(out, "{text}");
        }
    }
    out
}
