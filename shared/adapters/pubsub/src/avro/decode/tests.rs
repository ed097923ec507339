//! Values of the specification, values made at random, and bytes that are no value at all.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A schema, a value of it, and how the specification writes that value.
#[derive(Clone, Debug)]
struct Sample {
    json: String,
    value: Value,
    bytes: Vec<u8>,
}

fn long(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap();
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut all = long(i64::try_from(bytes.len()).unwrap());
    all.extend(bytes);
    all
}

fn leaf() -> impl Strategy<Value = Sample> {
    let sample = |json: &str, value, bytes| Sample { json: format!("\"{json}\""), value, bytes };
    prop_oneof![
        Just(sample("null", Value::Null, Vec::new())),
        any::<bool>().prop_map(move |it| sample("boolean", Value::Bool(it), vec![u8::from(it)])),
        any::<i64>().prop_map(move |it| sample("long", Value::Int(it), long(it))),
        any::<i32>().prop_map(move |it| sample("int", Value::Int(it.into()), long(it.into()))),
        any::<f32>().prop_filter("comparable", |it| !it.is_nan()).prop_map(move |it| {
            sample("float", Value::Float(it.into()), it.to_le_bytes().to_vec())
        }),
        any::<f64>()
            .prop_filter("comparable", |it| !it.is_nan())
            .prop_map(move |it| { sample("double", Value::Float(it), it.to_le_bytes().to_vec()) }),
        ".*".prop_map(move |it| {
            let bytes = sized(it.as_bytes());
            sample("string", Value::Text(it), bytes)
        }),
        vec(any::<u8>(), 0..20).prop_map(move |it| {
            let bytes = sized(&it);
            sample("bytes", Value::Bytes(it), bytes)
        }),
    ]
}

fn list(of: &Sample, n: usize, is_map: bool, with_sizes: bool) -> Sample {
    let (kind, key) = if is_map { ("map", "values") } else { ("array", "items") };
    let mut block = Vec::new();
    for _ in 0..n {
        if is_map {
            block.extend(sized(b"key"));
        }
        block.extend(&of.bytes);
    }
    let count = i64::try_from(n).unwrap();
    let mut bytes = Vec::new();
    if n > 0 {
        bytes.extend(long(if with_sizes { -count } else { count }));
        if with_sizes {
            bytes.extend(long(i64::try_from(block.len()).unwrap()));
        }
        bytes.extend(block);
    }
    bytes.push(0);
    Sample {
        json: format!(r#"{{"type":"{kind}","{key}":{}}}"#, of.json),
        value: Value::List(vec![of.value.clone(); n]),
        bytes,
    }
}

fn record(name: u64, fields: &[Sample]) -> Sample {
    let described: Vec<_> = fields
        .iter()
        .enumerate()
        .map(|(idx, it)| format!(r#"{{"name":"f{idx}","type":{}}}"#, it.json))
        .collect();
    Sample {
        json: format!(r#"{{"type":"record","name":"R{name}","fields":[{}]}}"#, described.join(",")),
        value: Value::Record(0, fields.iter().map(|it| it.value.clone()).collect()),
        bytes: fields.iter().flat_map(|it| it.bytes.clone()).collect(),
    }
}

fn optional(of: &Sample, is_there: bool) -> Sample {
    let (value, mut bytes) =
        if is_there { (of.value.clone(), long(1)) } else { (Value::Null, long(0)) };
    if is_there {
        bytes.extend(&of.bytes);
    }
    // A union may not hold a union, nor `null` twice.
    let json = match of.json.as_str() {
        inner if inner.starts_with('[') || inner == "\"null\"" => return of.clone(),
        inner => format!(r#"["null",{inner}]"#),
    };
    Sample { json, value, bytes }
}

fn sample() -> impl Strategy<Value = Sample> {
    let nested = leaf().prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0_usize..4, any::<bool>(), any::<bool>())
                .prop_map(|(of, n, is_map, sized)| list(&of, n, is_map, sized)),
            (any::<u64>(), vec(inner.clone(), 0..4)).prop_map(|(name, of)| record(name, &of)),
            (inner, any::<bool>()).prop_map(|(of, is_there)| optional(&of, is_there)),
        ]
    });
    (any::<u64>(), vec(nested, 1..4)).prop_map(|(name, of)| record(name, &of))
}

/// Forgets which record is which: the samples do not number theirs.
fn unnumbered(value: Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(unnumbered).collect()),
        Value::Record(_, fields) => Value::Record(0, fields.into_iter().map(unnumbered).collect()),
        other => other,
    }
}

fn read(schema: &Schema, bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = Reader::new(schema, bytes);
    let value = reader.value(&Type::Record(0))?;
    assert!(reader.is_at_end());
    Ok(value)
}

proptest! {
    #[test]
    fn written_value_is_read_as_it_was(sample in sample()) {
        let schema = Schema::parse(&sample.json).unwrap();
        prop_assert_eq!(unnumbered(read(&schema, &sample.bytes).unwrap()), sample.value);
    }

    #[test]
    fn value_that_was_cut_or_altered_is_an_error_or_a_value_but_never_a_panic(
        sample in sample(),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let schema = Schema::parse(&sample.json).unwrap();
        let kind = Type::Record(0);
        if !sample.bytes.is_empty() {
            let at = at.index(sample.bytes.len());
            prop_assert!(Reader::new(&schema, &sample.bytes[..at]).value(&kind).is_err());
            let mut altered = sample.bytes.clone();
            altered[at] = byte;
            let _ = Reader::new(&schema, &altered).value(&kind);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(sample in sample(), bytes in vec(any::<u8>(), 0..200)) {
        let schema = Schema::parse(&sample.json).unwrap();
        let _ = Reader::new(&schema, &bytes).value(&Type::Record(0));
    }
}

fn schema_of(kind: &str) -> Schema {
    let json = format!(r#"{{"type":"record","name":"E","fields":[{{"name":"a","type":{kind}}}]}}"#);
    Schema::parse(&json).unwrap()
}

fn first(kind: &str, bytes: &[u8]) -> Result<Value, DecodeError> {
    let schema = schema_of(kind);
    Reader::new(&schema, bytes).value(&schema.fields()[0].kind)
}

#[test]
fn examples_of_the_specification_are_read() {
    for (bytes, number) in [
        (&[0x00][..], 0),
        (&[0x01], -1),
        (&[0x02], 1),
        (&[0x03], -2),
        (&[0x7f], -64),
        (&[0x80, 0x01], 64),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MIN),
        (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MAX),
    ] {
        assert_eq!(first("\"long\"", bytes), Ok(Value::Int(number)), "{bytes:x?}");
    }
    assert_eq!(first("\"string\"", b"\x06foo"), Ok(Value::Text("foo".into())));
    let list = Value::List(vec![Value::Int(3), Value::Int(27)]);
    assert_eq!(first(r#"{"type":"array","items":"long"}"#, &[4, 6, 0x36, 0]), Ok(list));
    let union = r#"["null","string"]"#;
    assert_eq!(first(union, &[0]), Ok(Value::Null));
    assert_eq!(first(union, &[2, 2, 0x61]), Ok(Value::Text("a".into())));
    let letters = r#"{"type":"enum","name":"L","symbols":["A","B"]}"#;
    assert_eq!(first(letters, &[2]), Ok(Value::Text("B".into())));
}

#[test]
fn each_kind_of_nonsense_is_refused_with_its_place() {
    let endless = r#"{"type":"array","items":"null"}"#;
    for (kind, bytes, part) in [
        ("\"string\"", &b"\x06fo"[..], "ends too early, at byte 1"),
        ("\"string\"", b"\x04\xff\xfe", "not UTF-8"),
        ("\"string\"", b"\x01", "negative"),
        ("\"boolean\"", b"\x02", "neither true nor false"),
        ("\"long\"", &[0xff; 11], "a number is too long"),
        (r#"["null","string"]"#, b"\x04", "no branch of its union"),
        (r#"{"type":"enum","name":"L","symbols":["A"]}"#, b"\x02", "no symbol"),
        (endless, &[0xfe, 0xff, 0xff, 0xff, 0x0f], "more than its length allows"),
        (r#"{"type":"fixed","name":"F","size":99999999999}"#, b"", "ends too early"),
    ] {
        let error = first(kind, bytes).unwrap_err().to_string();
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn record_that_holds_itself_does_not_exhaust_the_stack() {
    let json = r#"{"type":"record","name":"E","fields":[{"name":"a","type":"E"}]}"#;
    let schema = Schema::parse(json).unwrap();
    let error = Reader::new(&schema, &[]).value(&Type::Record(0)).unwrap_err();
    assert!(matches!(error, DecodeError::TooLarge { .. }), "{error}");
}
