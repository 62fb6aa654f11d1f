//! The expressions of GitHub's workflows, as far as ours use them: anything else fails the test.

use serde_json::{Value, json};

/// What an expression can see.
pub(crate) struct Context<'a> {
    /// `github`, `inputs`, `steps` and so on.
    pub(crate) values: &'a Value,
    /// Whether a step before this one has failed.
    pub(crate) failed: bool,
}

/// Whether a step or a job with this `if` runs.
pub(crate) fn condition(text: &str, context: &Context<'_>) -> bool {
    let asks = ["always()", "failure()", "success()"].iter().any(|f| text.contains(f));
    (asks || !context.failed) && is_true(&evaluate(text, context))
}

/// A text with its `${{ }}` filled in.
pub(crate) fn filled(text: &str, context: &Context<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let (expression, after) = after.split_once("}}").unwrap();
        out.push_str(before);
        match evaluate(expression, context) {
            Value::Null => {}
            Value::String(text) => out.push_str(&text),
            value => out.push_str(&value.to_string()),
        }
        rest = after;
    }
    out + rest
}

fn evaluate(text: &str, context: &Context<'_>) -> Value {
    let tokens = tokens(text);
    let mut parser = Parser { tokens: &tokens, at: 0, context };
    let value = parser.either();
    assert_eq!(parser.at, tokens.len(), "what follows is not understood: {text}");
    value
}

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value != "" && value != 0
}

/// As GitHub compares: without regard to case, and nothing is equal to the empty text.
fn is_equal(one: &Value, other: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.to_lowercase(),
        value => panic!("a comparison of {value} is not needed here"),
    };
    text(one) == text(other)
}

/// Strings keep their opening quote.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut token = c.to_string();
        match c {
            ' ' => continue,
            '\'' => token.extend(chars.by_ref().take_while(|c| *c != '\'')),
            '&' | '|' | '=' => token.push(chars.next().unwrap()),
            '!' if chars.peek() == Some(&'=') => token.push(chars.next().unwrap()),
            '(' | ')' | '!' => {}
            c if c.is_alphabetic() => {
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || "._-".contains(*c)) {
                    token.push(c);
                }
            }
            _ => panic!("{c:?} is not understood in the expression {text}"),
        }
        tokens.push(token);
    }
    tokens
}

struct Parser<'a> {
    tokens: &'a [String],
    at: usize,
    context: &'a Context<'a>,
}

impl Parser<'_> {
    fn takes(&mut self, token: &str) -> bool {
        let is_next = self.tokens.get(self.at).is_some_and(|next| next == token);
        self.at += usize::from(is_next);
        is_next
    }

    fn either(&mut self) -> Value {
        let mut value = self.both();
        while self.takes("||") {
            let other = self.both();
            value = if is_true(&value) { value } else { other };
        }
        value
    }

    fn both(&mut self) -> Value {
        let mut value = self.compared();
        while self.takes("&&") {
            let other = self.compared();
            value = if is_true(&value) { other } else { value };
        }
        value
    }

    fn compared(&mut self) -> Value {
        let value = self.one();
        if self.takes("==") {
            json!(is_equal(&value, &self.one()))
        } else if self.takes("!=") {
            json!(!is_equal(&value, &self.one()))
        } else {
            value
        }
    }

    fn one(&mut self) -> Value {
        if self.takes("!") {
            return json!(!is_true(&self.one()));
        }
        if self.takes("(") {
            let value = self.either();
            assert!(self.takes(")"));
            return value;
        }
        let token = self.tokens[self.at].clone();
        self.at += 1;
        if let Some(text) = token.strip_prefix('\'') {
            return json!(text);
        }
        if self.takes("(") {
            assert!(self.takes(")"), "functions with arguments are not understood");
            return match token.as_str() {
                "always" => json!(true),
                "success" => json!(!self.context.failed),
                "failure" => json!(self.context.failed),
                _ => panic!("the function {token} is not understood"),
            };
        }
        let mut parts = token.split('.');
        let root = parts.next().unwrap();
        let values = self.context.values.get(root);
        let values = values.unwrap_or_else(|| panic!("there is no context {root} here: {token}"));
        parts.try_fold(values, |value, part| value.get(part)).cloned().unwrap_or_default()
    }
}

#[test]
fn expressions() {
    let values =
        json!({ "inputs": { "a": "x", "no": "" }, "steps": {}, "github": { "ref": "refs/heads/main" } });
    let see = |failed| Context { values: &values, failed };
    for (text, expected) in [
        ("inputs.a == 'X'", true),
        ("inputs.no == ''", true),
        ("inputs.none == '' && inputs.a != 'y'", true),
        ("inputs.a == 'y' || (github.ref == 'refs/heads/main' && !inputs.no)", true),
        ("steps.run.outputs.x == 'true'", false),
        ("failure()", false),
    ] {
        assert_eq!(condition(text, &see(false)), expected, "{text}");
    }
    assert!(!condition("inputs.a == 'x'", &see(true)));
    assert!(condition("always() && inputs.a == 'x'", &see(true)));
    assert_eq!(filled("a ${{ inputs.no || inputs.a }} ${{ inputs.none }}.", &see(false)), "a x .");
}
