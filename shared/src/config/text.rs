//! Settings that are text with a form of its own.

/// Text in a setting that has a form of its own, such as a duration.
pub trait TextSetting {
    /// The name of the form in the JSON Schema.
    const FORMAT: &'static str;

    /// Checks `raw`; the answer says what to write instead, and repeats nothing secret.
    ///
    /// # Errors
    ///
    /// What is wrong with `raw`.
    fn check(raw: &str) -> Result<(), String>;
}

/// Makes a type that has `TryFrom<String>` a [`TextSetting`](crate::config::TextSetting) with a
/// JSON Schema: `text_setting!(Span, "duration", ["30s"])`.
///
/// The first example stands in for a malformed value while the rest of the settings is checked. The
/// package that uses the macro depends on `schemars`.
#[macro_export]
macro_rules! text_setting {
    ($type:ty, $format:literal, [$($example:literal),+ $(,)?]) => {
        impl $crate::config::TextSetting for $type {
            const FORMAT: &'static str = $format;

            fn check(raw: &str) -> Result<(), String> {
                <Self as TryFrom<String>>::try_from(raw.to_owned())
                    .map(|_| ())
                    .map_err(|error| error.to_string())
            }
        }

        impl ::schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({
                    "type": "string", "format": $format, "examples": [$($example),+]
                })
            }
        }
    };
}
