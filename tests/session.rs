//! The main job, as a person does it: each step a process of its own, nothing in the environment.

use crate::support::{Sandbox, Text, pipeline};

#[test]
fn smoke() {
    let s = Sandbox::new();
    s.manifest(&pipeline("users"));
    println!("{}", s.apply(&[]).success());
    println!("{:?}", s.contents().list());
    println!("{:?}", s.requests());
    s.state_is_the_platform();
    let p = s.plan(&[]);
    assert!(p.is_empty(), "{p:?}");
    s.somebody().describe("flows", s.contents().one("flows"), "other");
    println!("{:?}", s.plan(&[]));
    println!("{}", s.destroy(&[]).success());
    let _ = Text::of("");
    s.state_is_the_platform();
}
