//! What is written into a page: text that can neither end the element or attribute it stands in nor act, and ids.

use std::fmt::{Display, Formatter, Result, Write};

use crate::render::value::sanitize_lines;

/// Text for an element or for an attribute in double quotes. Line breaks stay.
pub(super) struct Text<'t>(pub(super) &'t str);

impl Display for Text<'_> {
    fn fmt(&self, to: &mut Formatter<'_>) -> Result {
        for char in sanitize_lines(self.0).chars() {
            match char {
                '&' => to.write_str("&amp;")?,
                '<' => to.write_str("&lt;")?,
                '>' => to.write_str("&gt;")?,
                '"' => to.write_str("&quot;")?,
                '\'' => to.write_str("&#39;")?,
                char => to.write_char(char)?,
            }
        }
        Ok(())
    }
}

/// An id, and fragment, for a name: other characters than letters, digits, dot and hyphen are written as bytes in hex
/// after an underscore, so that two names never share an id and none needs escaping.
pub(super) fn id(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') {
            id.push(char::from(byte));
        } else {
            let _ = write!(id, "_{byte:02x}");
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_nothing_and_does_nothing() {
        let hostile = "</script><img src=x onerror='a()' \"&amp;\u{1b}[31m\u{202e}\n";
        let safe = "&lt;/script&gt;&lt;img src=x onerror=&#39;a()&#39; &quot;&amp;amp;\\u{1b}[31m\\u{202e}\n";
        assert_eq!(Text(hostile).to_string(), safe);
    }

    #[test]
    fn ids_are_plain_and_tell_names_apart() {
        assert_eq!(id("zendesk-users.dataflow"), "zendesk-users.dataflow");
        assert_eq!(id("a\"><b=ü"), "a_22_3e_3cb_3d_c3_bc");
        assert_ne!(id("a_20"), id("a "));
    }
}
