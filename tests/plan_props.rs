//! Whatever the manifests: after an apply there is nothing to do, and the same question gets the same answer.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::support::{Sandbox, Text, pipeline};

/// What differs between two manifests of one pipeline.
#[derive(Clone, Debug)]
struct Shape {
    described: [bool; 4],
    fields: Vec<(usize, usize)>,
    page: Option<u8>,
    interval: u8,
    hourly: bool,
    enabled: bool,
    copy: bool,
    shared: bool,
}

const FIELDS: &[&str] = &["name", "phone", "alias", "url", "role", "notes"];

fn shape() -> impl Strategy<Value = Shape> {
    (
        any::<[bool; 4]>(),
        proptest::collection::btree_map(0..FIELDS.len(), 0_usize..3, 0..FIELDS.len()),
        proptest::option::of(0_u8..3),
        15_u8..20,
        any::<[bool; 4]>(),
    )
        .prop_map(|(described, fields, page, interval, [hourly, enabled, copy, shared])| Shape {
            described,
            fields: fields.into_iter().collect(),
            page,
            interval,
            hourly,
            enabled,
            copy,
            shared,
        })
}

/// `None` is a pipeline that is not there.
fn manifest(shapes: &[Option<Shape>]) -> Text {
    // The first is always there: others may use its base connection.
    let texts = shapes.iter().enumerate().filter_map(|(n, shape)| Some(one(n, shape.as_ref()?)));
    texts.reduce(|all, text| all.and(&text)).unwrap()
}

fn one(n: usize, shape: &Shape) -> Text {
    let mut text = pipeline(&format!("p{n}"));
    let described = ["where the users are", "what is read", "what is written", "from there to here"];
    for (line, kept) in described.iter().zip(shape.described) {
        if !kept {
            text = text.edit(&format!("  description: {line}\n"), "");
        }
    }
    let fields = shape.fields.iter().fold(String::new(), |mut all, (field, source)| {
        let name = FIELDS[*field];
        let _ = writeln!(all, "    - {{ source: result.{name}{source}, destination: _extconndev.{name} }}");
        all
    });
    text = text.edit("dataflow:\n", &format!("{fields}dataflow:\n"));
    if let Some(page) = shape.page {
        text = text.edit("params: {}", &format!("params: {{ page: {page} }}"));
    }
    let frequency = if shape.hourly { "hour" } else { "minute" };
    let schedule = format!("frequency: {frequency}, interval: {} }}", shape.interval);
    text = text.edit("frequency: minute, interval: 15 }", &schedule);
    if !shape.enabled {
        text = text.edit("schedule:", "enabled: false\n  schedule:");
    }
    if shape.copy {
        text = text.edit("schedule:", "transformations: [{ name: Copy }]\n  schedule:");
    }
    if shape.shared && n > 0 {
        let source = format!("  name: p{n} source\n");
        text = text
            .without("baseConnection")
            .edit(&source, &format!("{source}  baseConnection: p0.baseConnection\n"));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_apply_leaves_nothing_to_do(
        before in (shape(), proptest::option::of(shape()), proptest::option::of(shape())),
        after in (shape(), proptest::option::of(shape()), proptest::option::of(shape())),
    ) {
        let s = Sandbox::new();
        for (first, second, third) in [before, after] {
            s.manifest(&manifest(&[Some(first), second, third]));
            let planned = s.plan(&[]);
            let again = s.plan(&[]);
            prop_assert_eq!(&planned.text, &again.text, "the same question, another plan");
            // Many deletions have to be meant.
            let deletes = planned.actions().iter().filter(|a| a.starts_with("delete")).count();
            s.converge(&["--allow-deletes", &deletes.to_string()]);
            s.state_is_the_platform();
        }
        s.destroy(&[]).success().end();
        prop_assert_eq!(s.contents().counts(), [0; 5]);
    }
}
