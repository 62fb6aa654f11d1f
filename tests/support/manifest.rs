//! Manifests as text, and edits of them that cannot miss.

/// A manifest.
#[derive(Clone, Debug)]
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// With `from`, which has to be there once, in another form.
    #[track_caller]
    pub(crate) fn edit(&self, from: &str, to: &str) -> Self {
        assert_eq!(self.0.matches(from).count(), 1, "{from:?} is not once in:\n{}", self.0);
        Self(self.0.replace(from, to))
    }

    /// Without the lines from the one that begins with `from` to the one before the next that is not indented.
    #[track_caller]
    pub(crate) fn without(&self, section: &str) -> Self {
        let mut kept = String::new();
        let mut dropping = false;
        for line in self.0.lines() {
            if !line.starts_with(' ') {
                dropping = line.starts_with(&format!("{section}:"));
            }
            if !dropping {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        assert_ne!(kept, self.0, "there is no {section}");
        Self(kept)
    }

    /// Both, as two documents.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self(format!("{}---\n{}", self.0, other.0))
    }
}

/// A small pipeline with every section and every field that tests change. Its objects are named after it.
pub(crate) fn pipeline(name: &str) -> Text {
    Text(PIPELINE.replace("NAME", name))
}

const PIPELINE: &str = r#"apiVersion: flowform/v1
pipeline: NAME
platform: { org: 0123456789ABCDEF01234567@AdobeOrg, sandbox: dev }
baseConnection:
  name: NAME base
  description: where the users are
  connectionSpec: { id: 0a27232b-2c6e-4396-b8c6-c9fc24e37ba4, version: "1.0" }
  auth:
    specName: OAuth2 Refresh Code
    params:
      subdomain: https://acme.zendesk.com
      accessToken: { fromEnv: ZENDESK_ACCESS_TOKEN }
source:
  name: NAME source
  description: what is read
  data: { format: json }
  params: {}
target:
  name: NAME target
  description: what is written
  dataSetId: 624bf42e16519d19496e3f67
mapping:
  name: NAME mapping
  schema:
    id: https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4
    version: 1
  fields:
    - { source: result.id, destination: _extconndev.id }
    - { source: result.email, destination: _extconndev.email }
dataflow:
  name: NAME flow
  description: from there to here
  schedule: { frequency: minute, interval: 15 }
"#;

/// What data looks like and where it is kept, and nothing that brings any.
pub(crate) fn described(name: &str) -> Text {
    Text(DESCRIBED.replace("NAME", name))
}

const DESCRIBED: &str = "apiVersion: flowform/v1
pipeline: NAME
platform: { org: 0123456789ABCDEF01234567@AdobeOrg, sandbox: dev }
schema:
  name: NAME schema
  description: what a user is
  fields:
    id: integer
    email: { type: string, title: E-mail }
  primaryIdentity: { field: _tenant.email, namespace: Email }
dataset:
  name: NAME data
  description: what came
  deleteData: true
";
