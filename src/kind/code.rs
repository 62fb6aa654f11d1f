//! The sorts of mistakes that a manifest can have, each under a stable name: what a person searches for, and what tools
//! count and suppress by. A name is never given another meaning; which mistakes there are is for whoever finds them.

/// Declares the sorts, with their names and what each is about.
macro_rules! codes {
    ($($variant:ident $name:literal $about:literal,)+) => {
        /// A sort of mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each is told by `about`")]
        pub enum Code {
            $($variant,)+
        }

        impl Code {
            /// Every sort, in a fixed order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its stable name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it is about, as one sentence without its full stop.
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)+
                }
            }
        }
    };
}

codes! {
    NoManifest "no-manifest" "There is no manifest where one is named",
    Unreadable "unreadable" "A file or a folder cannot be read",
    TooLarge "too-large" "A file is larger than is read, or grows too large by its aliases",
    NotUtf8 "not-utf8" "A file is not UTF-8",
    NoDocument "no-document" "A file holds no document",
    NotYaml "not-yaml" "The text is not YAML",
    UnsupportedYaml "unsupported-yaml" "A feature of YAML that manifests do without: tags, merge keys",
    TooDeep "too-deep" "Values are nested too deeply",
    BadAlias "bad-alias" "An alias has no anchor, or stands within its own value",
    BadKey "bad-key" "A key is not a string that a key can be",
    DuplicateKey "duplicate-key" "A key is given twice",
    NotAMapping "not-a-mapping" "A document is not a mapping",
    ApiVersion "api-version" "The manifest's format is not named, or is one that this version does not read",
    PipelineName "pipeline-name" "A pipeline has no usable name",
    DuplicatePipeline "duplicate-pipeline" "Two documents describe the same pipeline",
    EmptyPipeline "empty-pipeline" "A pipeline has no section",
    ConflictingPlatform "conflicting-platform" "Documents of one run name different organizations or sandboxes",
    UnknownKey "unknown-key" "A key is not known where it stands",
    MissingKey "missing-key" "A key is missing",
    UselessKey "useless-key" "A key has no meaning beside the others",
    ExclusiveKeys "exclusive-keys" "Two keys exclude each other",
    WrongType "wrong-type" "A value is of another type than its key takes",
    InvalidValue "invalid-value" "A value is not one that its key takes",
    BadReference "bad-reference" "A reference in a string is not written as one",
    UnusualCase "unusual-case" "An id has letters in another case than the platform writes",
    UnsetVariable "unset-variable" "A reference in a string is to something that is not set",
    BadSecret "bad-secret" "A reference to a secret is not written as one",
    SecretInManifest "secret-in-manifest" "A secret stands in the manifest",
    UnresolvedSecret "unresolved-secret" "A reference to a secret stands where it is not resolved",
    MissingReference "missing-reference" "A section lacks an object that it needs",
    WrongReference "wrong-reference" "A section refers to an object of another kind than it needs",
    UnknownAddress "unknown-address" "A section refers to an address that is not in the manifest",
    BadMove "bad-move" "A move has no clear beginning or end",
    StillWanted "still-wanted" "An address that is moved away or forgotten still has a section",
    RepeatedBlock "repeated-block" "An object is moved, forgotten or imported twice",
    SameName "same-name" "Two objects of one kind have the same name",
    SpecMismatch "spec-mismatch" "Source and base connection have different connection specs",
    WrongSpec "wrong-spec" "A section has a connection spec that it cannot have",
    UnknownSpec "unknown-spec" "The platform has no spec of an id that is named",
    FailedTest "failed-test" "A connection fails the platform's test",
    RefusedField "refused-field" "Data Prep refuses a field of a mapping",
    SubdomainForm "subdomain-form" "A subdomain is neither a URL nor a bare label",
    ShortInterval "short-interval" "A schedule's interval is shorter than the platform takes",
    DuplicateTransformation "duplicate-transformation" "Two transformations have the same name",
    ListedMapping "listed-mapping" "The mapping stands among the transformations",
    EmptyMapping "empty-mapping" "A mapping has no field",
    DuplicateField "duplicate-field" "A field is mapped twice alike",
    BadField "bad-field" "A schema's field is not described as one",
    UnknownField "unknown-field" "A path leads to no field of the schema",
    NoIdentity "no-identity" "A schema in Profile has no primary identity",
    NoProfile "no-profile" "A dataset in Profile has a schema that is not",
    OverlappingFields "overlapping-fields" "Two fields of a mapping probably write one place of the data",
    UnreadManifest "unread-manifest" "A file in a folder looks like a manifest and is not read",
    UnknownVariable "unknown-variable" "A variable is given that no manifest of the run uses",
    RepeatedVariable "repeated-variable" "A variable is given twice",
    RepeatedItem "repeated-item" "A list names one thing twice",
    ConflictingFields "conflicting-fields" "Two fields have the same destination",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_with_hyphens_and_told_apart() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        for name in &names {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'8')), "{name}");
        }
        let page = include_str!("../../docs/validate.md");
        for name in &names {
            assert!(page.contains(&format!("\n| `{name}` | ")), "docs/validate.md does not have {name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
