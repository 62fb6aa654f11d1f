//! The proxy variables: read, checked and handed to the client, so that a mistake in one is told and not passed over.
//!
//! `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` name a proxy; `NO_PROXY` names hosts that are reached without one. Each may
//! be written in lower case; an empty one is an unset one. No message repeats a value: it may hold a password.

use std::net::IpAddr;

use super::exit::Failure;
use super::{environment, is_garbled_variable};
use crate::api::Proxies;
use crate::secret::{Redactor, Secret};

/// The proxies that the environment names. Their passwords are made known to `redactor`.
pub(crate) fn from_environment(redactor: &Redactor) -> Result<Proxies, Failure> {
    let both = |name: &str| [name.to_owned(), name.to_ascii_lowercase()];
    let names = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"];
    if let Some(name) = names.into_iter().flat_map(both).find(|name| is_garbled_variable(name)) {
        return Err(wrong(&name, "it is not UTF-8", "write plain text, or unset the variable"));
    }
    from(&|name| environment(name), redactor)
}

/// The same, of any environment.
fn from(read: &dyn Fn(&str) -> Option<String>, redactor: &Redactor) -> Result<Proxies, Failure> {
    let set = |name: &str| read(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let first = |name: &'static str| {
        let upper = set(name).map(|value| (name.to_owned(), value));
        upper.or_else(|| {
            let lower = name.to_ascii_lowercase();
            set(&lower).map(|value| (lower, value))
        })
    };
    let proxy = |name| first(name).map(|(name, value)| url(&name, &value, redactor)).transpose();
    // A server that runs a program per request sets this one from a header that anybody can send.
    let is_cgi = read("REQUEST_METHOD").is_some();
    let (all, https, http) = (proxy("ALL_PROXY")?, proxy("HTTPS_PROXY")?, proxy("HTTP_PROXY")?);
    let http = http.filter(|_| !is_cgi);
    let except = first("NO_PROXY").map(|(name, value)| hosts(&name, &value)).transpose()?;
    Ok(Proxies {
        https: https.or_else(|| all.clone()),
        http: http.or(all),
        except: except.unwrap_or_default(),
    })
}

fn wrong(name: &str, why: &str, hint: &str) -> Failure {
    Failure::usage(format!("the variable {name} is no usable proxy setting: {why}")).hint(hint)
}

/// A proxy's URL. One without a scheme is meant as `http`, as curl takes it.
fn url(name: &str, value: &str, redactor: &Redactor) -> Result<Secret, Failure> {
    const FORM: &str = "write http://HOST:PORT, or unset the variable";
    let whole = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    // Whatever may be a password is known before anything is said of it.
    if let Some((user, _)) = whole.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')) {
        redactor.register(&Secret::new(user));
        let password = user.split_once(':').map_or(user, |(_, password)| password);
        redactor.register(&Secret::new(password));
        let plain = percent_encoding::percent_decode_str(password).decode_utf8_lossy();
        redactor.register(&Secret::new(plain));
    }
    if whole.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong(name, "it has blanks or control characters", FORM));
    }
    let parsed = reqwest::Url::parse(&whole).map_err(|error| wrong(name, &error.to_string(), FORM))?;
    match parsed.scheme() {
        "http" | "https" => {}
        scheme if scheme.starts_with("socks") => {
            return Err(wrong(
                name,
                "SOCKS proxies are not supported",
                "name an HTTP proxy, or unset the variable",
            ));
        }
        _ => return Err(wrong(name, "a proxy is reached by http:// or https://", FORM)),
    }
    if parsed.host_str().is_none_or(str::is_empty) {
        return Err(wrong(name, "it names no host", FORM));
    }
    if parsed.port() == Some(0) {
        return Err(wrong(name, "port 0 is no port", FORM));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() || !matches!(parsed.path(), "" | "/") {
        return Err(wrong(name, "it goes on after host and port", FORM));
    }
    Ok(Secret::new(whole))
}

/// The hosts of a `NO_PROXY`, in the form that the client knows, separated by commas.
fn hosts(name: &str, value: &str) -> Result<String, Failure> {
    let items = value.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty());
    let known: Result<Vec<String>, Failure> = items
        .enumerate()
        .map(|(index, item)| {
            host(item).ok_or_else(|| {
                wrong(
                    name,
                    &format!("its entry {} is no host", index + 1),
                    "write hosts, domains such as .example.com, addresses or ranges such as 10.0.0.0/8, separated by \
                     commas; or * for all",
                )
            })
        })
        .collect();
    Ok(known?.join(","))
}

/// One entry: a host, a domain, an address, a range of addresses, or all.
fn host(item: &str) -> Option<String> {
    if item == "*" {
        return Some(item.to_owned());
    }
    let item = item.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(item);
    if let Some((address, bits)) = item.split_once('/') {
        let most = if address.parse::<IpAddr>().ok()?.is_ipv4() { 32 } else { 128 };
        return bits.parse::<u8>().ok().filter(|bits| *bits <= most).map(|_| item.to_owned());
    }
    if item.parse::<IpAddr>().is_ok() {
        return Some(item.to_owned());
    }
    let bracketed = |text: &str| {
        let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inside.unwrap_or(text).to_owned()
    };
    // A port narrows nothing down: the client takes hosts alone.
    let bare = match item.rsplit_once(':') {
        Some((name, port)) if !item.ends_with(']') => port.parse::<u16>().ok().map(|_| bracketed(name))?,
        _ => bracketed(item),
    };
    let is_name = bare.trim_matches('.').chars().any(char::is_alphanumeric)
        && bare.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (is_name || bare.parse::<IpAddr>().is_ok()).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<[String; 3], String> {
        let redactor = Redactor::default();
        let environment = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let shown =
            |proxy: &Option<Secret>| proxy.as_ref().map_or_else(String::new, |p| p.expose().to_owned());
        match from(&environment, &redactor) {
            Ok(proxies) => Ok([shown(&proxies.https), shown(&proxies.http), proxies.except]),
            Err(failure) => Err(failure.message),
        }
    }

    #[test]
    fn an_empty_variable_is_an_unset_one_and_a_scheme_may_be_left_out() {
        let all = [
            ("HTTPS_PROXY", ""),
            ("https_proxy", "proxy:8080"),
            ("ALL_PROXY", "http://all"),
            ("HTTP_PROXY", " "),
        ];
        assert_eq!(read(&all).unwrap(), ["http://proxy:8080", "http://all", ""]);
        let forms =
            ["proxy", "user:pa%20ss@proxy:3128", "https://proxy:1/", "http://[::1]:8080", "10.0.0.1:80"];
        for form in forms {
            let proxy = &read(&[("HTTPS_PROXY", form)]).unwrap()[0];
            assert!(proxy.ends_with(form), "{proxy}");
        }
        assert_eq!(read(&[("HTTP_PROXY", "p"), ("REQUEST_METHOD", "GET")]).unwrap()[1], "");
    }

    #[test]
    fn a_malformed_variable_is_told_and_not_repeated() {
        let wrong = [
            "http://",
            "http://:8080",
            "socks5://proxy:1080",
            "SOCKS5h://user:hunter22@proxy",
            "ftp://proxy",
            "http://proxy:port",
            "proxy:99999",
            "http://proxy:0",
            "http://[::1",
            "http://a b",
            "http://proxy/path",
            "http://proxy?x=hunter22",
            "://proxy",
            "http:///",
            "user:hunter22@",
            "http//proxy:8080",
        ];
        for value in wrong {
            for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"] {
                let Err(message) = read(&[(name, value)]) else { panic!("{name}={value} is taken") };
                assert!(message.contains(name) && !message.contains("hunter22"), "{message}");
            }
        }
    }

    #[test]
    fn hosts_without_a_proxy_are_read_in_every_usual_form() {
        let hosts = |value| read(&[("NO_PROXY", value)]).map(|[_, _, except]| except);
        let usual = "localhost, 127.0.0.1 ::1,[::1],.corp,*.corp,10.0.0.0/8,fd00::/8,host:8080,*,,";
        assert_eq!(
            hosts(usual).unwrap(),
            "localhost,127.0.0.1,::1,::1,.corp,.corp,10.0.0.0/8,fd00::/8,host,*"
        );
        for wrong in ["http://host", "10.0.0.0/33", "user:hunter22@host", "a/b", "host:port", "-,%", "..."] {
            let message = hosts(wrong).unwrap_err();
            assert!(message.contains("NO_PROXY") && !message.contains("hunter22"), "{message}");
        }
    }
}
