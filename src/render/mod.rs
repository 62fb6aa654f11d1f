//! stub
/// x
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// a
    pub color: bool,
    /// b
    pub width: usize,
    /// c
    pub requests: bool,
}
/// t
pub mod text {
    /// x
    pub fn sanitize(t: &str) -> std::borrow::Cow<'_, str> {
        t.into()
    }
    /// p
    pub fn plan(p: &crate::plan::Plan, _s: &super::Style) -> String {
        let mut s = String::new();
        for d in &p.drift {
            s.push_str(&format!("drift {} {:?}\n", d.address, d.fields));
        }
        for r in &p.refusals {
            s.push_str(&format!("REFUSED {:?}\n", r));
        }
        for o in &p.operations {
            s.push_str(&format!("{:?} {} {} {:?}\n", o.action, o.address, o.reason, o.changes));
            for st in &o.steps {
                s.push_str(&format!("   {} needs {:?}\n", st.key, st.needs));
            }
        }
        s + &format!("{} ops, {} unchanged\n", p.operations.len(), p.unchanged)
    }
}
/// j
pub mod json {
    /// p
    pub fn plan(p: &crate::plan::Plan) -> serde_json::Value {
        serde_json::to_value(p).unwrap_or_default()
    }
}
/// r
pub mod report {
    /// e
    pub fn event_line(e: &crate::apply::Event, _s: &super::Style, _d: std::time::Duration) -> Option<String> {
        Some(format!("{e:?}"))
    }
    /// t
    pub fn text(r: &crate::apply::Report, _s: &super::Style, _d: std::time::Duration) -> String {
        format!("{r:?}\n")
    }
    /// j
    pub fn json(r: &crate::apply::Report) -> serde_json::Value {
        format!("{r:?}").into()
    }
}
