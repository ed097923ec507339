//! A table of changes, and what holds for any two descriptions.

use std::collections::BTreeSet;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn name(raw: &str) -> ObjectName {
    ObjectName::parse(raw).unwrap()
}

fn field(field_name: &str, kind: RemoteKind) -> RemoteField {
    RemoteField {
        name: field_name.to_owned(),
        label: field_name.to_owned(),
        kind,
        is_nullable: true,
        can_create: true,
        can_update: true,
        is_calculated: false,
        is_external_id: false,
        is_unique: false,
        is_required_on_create: false,
    }
}

fn text(length: u32) -> RemoteField {
    field("A", RemoteKind::Text { length })
}

fn words(values: &[&str], is_restricted: bool) -> RemoteField {
    let values = values.iter().map(|it| (*it).to_owned()).collect();
    field("A", RemoteKind::Picklist { values, is_restricted })
}

fn number(precision: u32, scale: u32) -> RemoteField {
    field("A", RemoteKind::Decimal { precision, scale })
}

fn reference(to: &[&str]) -> RemoteField {
    let to = to.iter().map(|it| name(it)).collect();
    field("A", RemoteKind::Reference { to, is_polymorphic: false })
}

fn object(fields: Vec<RemoteField>) -> RemoteObject {
    RemoteObject { name: name("Case"), label: "Case".to_owned(), fields }
}

fn mapped(used: Option<FieldUse>) -> MappedFields {
    // Another field is written, so that the mapping creates records.
    let others = [("Other", FieldUse::Write)];
    others.into_iter().chain(used.map(|it| ("A", it))).collect()
}

const READ: Option<FieldUse> = Some(FieldUse::Read);
const WRITE: Option<FieldUse> = Some(FieldUse::Write);
const KEY: Option<FieldUse> = Some(FieldUse::Key);

/// Asserts what is said of one change of the field `A`.
fn assert_said(
    before: &RemoteField,
    after: &RemoteField,
    used: Option<FieldUse>,
    severity: Severity,
    said: &str,
) {
    let drifts = drift(&object(vec![before.clone()]), &object(vec![after.clone()]), &mapped(used));
    let [drift] = drifts.as_slice() else { panic!("{said}: {drifts:?}") };
    let shown = drift.to_string();
    assert_eq!(drift.severity, severity, "{shown}");
    assert!(shown.contains(said), "`{shown}` does not say `{said}`");
    assert_eq!(drift.fix.is_none(), severity == Severity::Note, "{shown}");
}

#[test]
fn each_change_is_weighed_by_what_the_mapping_does_with_the_field() {
    use Severity::{BreaksMappedField as Breaks, NeedsAttention as Attention, Note};
    let base = text(40);
    let with = |change: fn(&mut RemoteField)| {
        let mut field = text(40);
        change(&mut field);
        field
    };
    let read_only = with(|it| (it.can_create, it.can_update) = (false, false));
    let create_only = with(|it| it.can_update = false);
    let update_only = with(|it| it.can_create = false);
    let required = with(|it| it.is_required_on_create = true);
    let full = with(|it| it.is_nullable = false);
    let formula = with(|it| it.is_calculated = true);
    let external = with(|it| it.is_external_id = true);
    let unique = with(|it| it.is_unique = true);
    let long = field("A", RemoteKind::LongText { length: 40 });
    let to = vec![name("Account")];
    let polymorphic = field("A", RemoteKind::Reference { to, is_polymorphic: true });
    let other = |raw: &str| field("A", RemoteKind::Other { name: raw.to_owned() });
    for (before, after, used, severity, said) in [
        (&base, &long, READ, Breaks, "changed from text to long text; map `A` as long text"),
        (&base, &long, None, Note, "note: `A` of `Case` changed from text to long text"),
        (&other("json"), &other("xml"), WRITE, Breaks, "changed from json to xml"),
        (&base, &text(20), WRITE, Attention, "takes 20 characters instead of 40; cut longer text"),
        (&base, &text(20), READ, Note, "takes 20 characters instead of 40"),
        (&base, &text(80), WRITE, Note, "takes 80 characters instead of 40, which is more"),
        (&number(18, 2), &number(18, 3), WRITE, Attention, "takes fewer digits; round"),
        (&number(18, 2), &number(16, 2), WRITE, Attention, "takes fewer digits; round"),
        (&number(18, 3), &number(18, 2), WRITE, Attention, "takes fewer digits; round"),
        (&number(18, 2), &number(19, 3), WRITE, Note, "takes more digits"),
        (
            &words(&["a", "b", "c"], false),
            &words(&["b"], false),
            WRITE,
            Attention,
            "lost the words `a`, `c`; map the words that are gone",
        ),
        (&words(&["a", "b"], false), &words(&["b"], false), READ, Note, "lost the words `a`"),
        (&words(&["a", "b"], true), &words(&["b"], true), READ, Attention, "lost the words `a`"),
        (&words(&["a"], false), &words(&["a", "b"], false), WRITE, Note, "gained the words `b`"),
        (&words(&["a"], false), &words(&["a"], true), WRITE, Attention, "refuses words that are"),
        (&words(&["a"], true), &words(&["a"], false), WRITE, Note, "takes words that are not"),
        (
            &reference(&["Account"]),
            &reference(&["Contact"]),
            READ,
            Attention,
            "leads to other objects; map the objects",
        ),
        (
            &reference(&["Account"]),
            &polymorphic,
            READ,
            Attention,
            "leads to other objects; map the objects",
        ),
        (&reference(&["Account"]), &polymorphic, None, Note, "leads to other objects"),
        (&base, &read_only, WRITE, Breaks, "cannot be written; let the user edit it again"),
        (&base, &read_only, READ, Note, "cannot be written"),
        (&read_only, &base, WRITE, Note, "can be written"),
        (&base, &create_only, WRITE, Attention, "can be set in new records only; let the user"),
        (&base, &update_only, WRITE, Attention, "can be changed but not set in new records"),
        (&create_only, &base, WRITE, Note, "can be set and changed"),
        (&base, &required, None, Attention, "is required for new records; map `A`, or give it"),
        (&base, &required, READ, Attention, "is required for new records; map `A`"),
        (&base, &required, WRITE, Note, "is required for new records"),
        (&required, &base, WRITE, Note, "is no longer required"),
        (&base, &full, WRITE, Attention, "must not be empty; give the mapping a value"),
        (&full, &base, WRITE, Note, "may be empty"),
        (&base, &formula, READ, Attention, "is worked out by the platform; map it for reading"),
        (&formula, &base, READ, Note, "is no longer worked out"),
        (&external, &base, KEY, Breaks, "is no external id; mark `A` as an external id again"),
        (&external, &base, WRITE, Note, "is no external id"),
        (&base, &external, KEY, Note, "is an external id"),
        (&base, &unique, WRITE, Attention, "must be unique; make sure"),
        (&unique, &base, KEY, Attention, "need not be unique; mark `A` as unique again"),
        (&unique, &base, WRITE, Note, "need not be unique"),
    ] {
        assert_said(before, after, used, severity, said);
    }
}

#[test]
fn field_that_comes_or_goes_is_told_with_its_likely_new_name() {
    let named = |field_name: &str, label: &str| RemoteField {
        label: label.to_owned(),
        ..field(field_name, RemoteKind::Text { length: 40 })
    };
    let court = object(vec![named("Court__c", "Court")]);
    let used: MappedFields =
        [("court__c", FieldUse::Read), ("Judge__c", FieldUse::Read)].into_iter().collect();
    let said = |after: Vec<RemoteField>, used: &MappedFields| {
        let drifts = drift(&court, &object(after), used);
        drifts.iter().map(ToString::to_string).collect::<Vec<_>>()
    };

    assert_eq!(
        said(vec![named("Legal_Court__c", "Court")], &used),
        [
            "breaks mapped field: `Court__c` of `Case` is gone (perhaps it is `Legal_Court__c` now); \
             if it was renamed, map `Legal_Court__c` instead; else let the user see it again, or \
             take it out of the mapping",
            "note: `Legal_Court__c` of `Case` is new",
        ]
    );
    let slip = said(vec![named("Courts__c", "Other")], &used);
    assert!(slip[0].contains("perhaps it is `Courts__c`"), "{slip:?}");
    let none = said(vec![], &used);
    assert!(none[0].contains("field-level security"), "{none:?}");
    let seen = said(vec![named("Court__c", "Court"), named("Judge__c", "Judge")], &used);
    assert_eq!(seen.len(), 1);
    assert!(seen[0].starts_with("needs attention: `Judge__c` of `Case` can be seen now; read all"));
    let unused = said(vec![], &MappedFields::default());
    assert_eq!(unused, ["note: `Court__c` of `Case` is gone"]);
}

#[test]
fn new_required_field_needs_attention_only_where_records_are_written() {
    let new = RemoteField { is_required_on_create: true, ..text(40) };
    let of =
        |used: &MappedFields| drift(&object(vec![]), &object(vec![new.clone()]), used)[0].severity;
    assert_eq!(of(&mapped(None)), Severity::NeedsAttention);
    assert_eq!(of(&[("X", FieldUse::Read)].into_iter().collect()), Severity::Note);
}

#[test]
fn worst_change_of_a_field_leads_and_worst_fields_come_first() {
    let before = object(vec![text(40), field("B", RemoteKind::Date), field("Z", RemoteKind::Bool)]);
    let shorter = RemoteField { can_create: false, can_update: false, ..text(20) };
    let after = object(vec![shorter, field("B", RemoteKind::Int)]);
    let used = [("A", FieldUse::Write), ("Z", FieldUse::Write)].into_iter().collect();
    let drifts = drift(&before, &after, &used);

    let order: Vec<(&str, Severity)> =
        drifts.iter().map(|it| (it.field.as_str(), it.severity)).collect();
    let breaks = Severity::BreaksMappedField;
    assert_eq!(order, [("A", breaks), ("Z", breaks), ("B", Severity::Note)]);
    assert_eq!(drifts[0].changes.len(), 2);
    assert!(drifts[0].fix.as_ref().unwrap().contains("map it for reading only"));
}

#[test]
fn mapping_is_held_against_the_object_without_an_older_description() {
    let court = field("Court__c", RemoteKind::Text { length: 40 });
    let read_only = RemoteField { can_create: false, can_update: false, ..text(40) };
    let required = RemoteField {
        is_required_on_create: true,
        ..field("Name", RemoteKind::Text { length: 9 })
    };
    let described = object(vec![court, read_only, required]);
    let used =
        [("Cuort__c", FieldUse::Read), ("A", FieldUse::ReadAndWrite), ("Court__c", FieldUse::Key)]
            .into_iter()
            .collect();
    let said: Vec<String> =
        drift_of_mapping(&described, &used).iter().map(ToString::to_string).collect();

    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said[0].starts_with("breaks mapped field: `A` of `Case` cannot be written"));
    assert!(said[1].starts_with("breaks mapped field: `Court__c` of `Case` is no external id"));
    assert!(said[2].contains("`Cuort__c` of `Case` is gone (perhaps it is `Court__c` now)"));
    assert!(said[3].starts_with("needs attention: `Name` of `Case` is required for new records"));
    let fine =
        [("Court__c", FieldUse::ReadAndWrite), ("Name", FieldUse::Write)].into_iter().collect();
    assert_eq!(drift_of_mapping(&described, &fine), []);
}

fn kind() -> impl Strategy<Value = RemoteKind> {
    let values = || vec("[a-c]", 0..3);
    let to = vec(select(vec!["Account", "Contact", "user"]), 0..3)
        .prop_map(|names| names.into_iter().map(name).collect());
    prop_oneof![
        Just(RemoteKind::Id),
        Just(RemoteKind::Bool),
        Just(RemoteKind::Date),
        (1..4_u32).prop_map(|length| RemoteKind::Text { length }),
        (1..4_u32).prop_map(|length| RemoteKind::Email { length }),
        (2..4_u32, 0..2_u32)
            .prop_map(|(precision, scale)| RemoteKind::Decimal { precision, scale }),
        (values(), any::<bool>())
            .prop_map(|(values, is_restricted)| RemoteKind::Picklist { values, is_restricted }),
        (values(), any::<bool>()).prop_map(|(values, is_restricted)| RemoteKind::MultiPicklist {
            values,
            is_restricted
        }),
        (to, any::<bool>())
            .prop_map(|(to, is_polymorphic)| RemoteKind::Reference { to, is_polymorphic }),
        select(vec!["json", "text"]).prop_map(|raw| RemoteKind::Other { name: raw.to_owned() }),
    ]
}

fn remote() -> impl Strategy<Value = RemoteObject> {
    let flags = (any::<[bool; 7]>(), "[a-b]");
    btree_map("[a-f]", (kind(), flags), 0..6).prop_map(|fields| {
        let fields = fields.into_iter().map(|(field_name, (kind, (flags, label)))| {
            let [
                is_nullable,
                can_create,
                can_update,
                is_calculated,
                is_external_id,
                is_unique,
                is_required_on_create,
            ] = flags;
            RemoteField {
                name: field_name,
                label,
                kind,
                is_nullable,
                can_create,
                can_update,
                is_calculated,
                is_external_id,
                is_unique,
                is_required_on_create,
            }
        });
        object(fields.collect())
    })
}

/// Two descriptions that agree about some of their fields, or differ there in one detail.
fn pair() -> impl Strategy<Value = (RemoteObject, RemoteObject)> {
    (remote(), remote(), any::<[bool; 6]>(), 0..12_u8).prop_map(
        |(before, mut after, is_kept, detail)| {
            for (at, (old, is_kept)) in before.fields.iter().zip(is_kept).enumerate() {
                if is_kept {
                    after.fields.retain(|it| it.name != old.name);
                    let detail = if at == 0 { detail } else { 0 };
                    after.fields.push(changed(old, detail));
                }
            }
            (before, after)
        },
    )
}

/// Changes one detail of a field, where it has that detail; labels do not count.
fn changed(old: &RemoteField, detail: u8) -> RemoteField {
    let mut field = RemoteField { label: "other".to_owned(), ..old.clone() };
    match detail {
        1 => field.is_nullable ^= true,
        2 => field.can_create ^= true,
        3 => field.can_update ^= true,
        4 => field.is_calculated ^= true,
        5 => field.is_external_id ^= true,
        6 => field.is_unique ^= true,
        7 => field.is_required_on_create ^= true,
        8.. => match &mut field.kind {
            RemoteKind::Reference { is_polymorphic, .. } => *is_polymorphic ^= true,
            RemoteKind::Picklist { is_restricted, .. } if detail < 10 => *is_restricted ^= true,
            RemoteKind::Picklist { values, .. } => values.push("d".to_owned()),
            RemoteKind::Text { length } => *length += 1,
            RemoteKind::Decimal { scale, .. } => *scale += 1,
            _ => {}
        },
        0 => {}
    }
    field
}

fn uses() -> impl Strategy<Value = MappedFields> {
    let used = select(vec![FieldUse::Read, FieldUse::Write, FieldUse::ReadAndWrite, FieldUse::Key]);
    btree_map("[a-h]", used, 0..5).prop_map(|fields| fields.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_drifts_from_itself(described in remote(), used in uses()) {
        let mut shuffled = described.clone();
        shuffled.fields.reverse();
        prop_assert_eq!(drift(&described, &shuffled, &used), []);
        prop_assert_eq!(described.fingerprint(), shuffled.fingerprint());
    }

    #[test]
    fn every_changed_field_is_named_exactly_once(
        (before, after) in pair(), used in uses()
    ) {
        let drifts = drift(&before, &after, &used);
        let named: Vec<&str> = drifts.iter().map(|it| it.field.as_str()).collect();
        let names: BTreeSet<&str> =
            before.fields.iter().chain(&after.fields).map(|it| it.name.as_str()).collect();
        let alone = |of: &RemoteObject, field_name: &str| {
            object(of.field(field_name).cloned().into_iter().collect()).fingerprint()
        };
        for field_name in names {
            let n_times = named.iter().filter(|it| **it == field_name).count();
            let has_changed = alone(&before, field_name) != alone(&after, field_name);
            prop_assert_eq!(n_times, usize::from(has_changed), "{}", field_name);
        }
        prop_assert!(drifts.iter().all(|it| !it.changes.is_empty()));
    }

    #[test]
    fn fingerprints_are_equal_exactly_when_nothing_drifts(
        (before, after) in pair(), used in uses()
    ) {
        let is_same = drift(&before, &after, &used).is_empty();
        prop_assert_eq!(before.fingerprint() == after.fingerprint(), is_same);
    }

    #[test]
    fn unmapped_field_breaks_nothing_and_what_is_broken_has_a_fix(
        (before, after) in pair(), used in uses()
    ) {
        for drift in drift(&before, &after, &used) {
            let is_mapped = used.use_of(&drift.field).is_some();
            prop_assert!(is_mapped || drift.severity < Severity::BreaksMappedField);
            prop_assert_eq!(drift.fix.is_some(), drift.severity > Severity::Note);
        }
    }
}
