//! Queries of every shape that the builder can make, within the bounds.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use shared::ids::ObjectName;
use shared::time::Timestamp;

use crate::soql::{
    AccessMode, Alias, Comparison, Condition, Date, Direction, FieldPath, FieldSet, Function,
    Grouping, Inclusion, Literal, Membership, Money, Nulls, Number, Operand, OrderKey, Pattern,
    Period, PicklistSet, Query, Recency, RelativeDate, Scope, SelectItem, Tracking, TypeOf, Unit,
};

pub(super) fn path() -> impl Strategy<Value = FieldPath> {
    "((Account|Owner|a)\\.)?[A-Za-z][A-Za-z0-9_]{0,9}"
        .prop_filter_map("a path", |raw| FieldPath::parse(raw).ok())
}

pub(super) fn object() -> impl Strategy<Value = ObjectName> {
    select(vec!["Case", "Account", "Group", "Order", "X__c", "CaseComments"])
        .prop_map(|raw| ObjectName::parse(raw).unwrap())
}

fn alias() -> impl Strategy<Value = Alias> {
    "[a-z][a-z0-9_]{0,5}".prop_filter_map("an alias", |raw| Alias::parse(raw).ok())
}

fn period() -> impl Strategy<Value = Period> {
    select(vec![
        Period::Week,
        Period::Month,
        Period::Quarter,
        Period::Year,
        Period::FiscalQuarter,
        Period::FiscalYear,
    ])
}

fn relative() -> impl Strategy<Value = RelativeDate> {
    let unit = prop_oneof![Just(Unit::Day), period().prop_map(Unit::Period)];
    let side: Vec<fn(Unit, u32) -> RelativeDate> =
        vec![RelativeDate::LastN, RelativeDate::NextN, RelativeDate::NAgo];
    let named: Vec<fn(Period) -> RelativeDate> =
        vec![RelativeDate::Last, RelativeDate::This, RelativeDate::Next];
    prop_oneof![
        select(vec![
            RelativeDate::Yesterday,
            RelativeDate::Today,
            RelativeDate::Tomorrow,
            RelativeDate::Last90Days,
            RelativeDate::Next90Days,
        ]),
        (select(named), period()).prop_map(|(make, period)| make(period)),
        (select(side), unit, any::<u32>()).prop_map(|(make, unit, n)| make(unit, n)),
    ]
}

pub(super) fn literal() -> impl Strategy<Value = Literal> {
    let number = "-?[0-9]{1,18}(\\.[0-9]{1,9})?".prop_map(|raw| Number::parse(&raw).unwrap());
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        number.clone().prop_map(Literal::Number),
        ("[A-Z]{3}", 0..i64::MAX).prop_map(|(code, amount)| {
            Literal::Money(Money::new(&code, Number::from(amount)).unwrap())
        }),
        any::<String>().prop_map(Literal::Text),
        "[\\\\'\"%_; \n]{0,12}".prop_map(Literal::Text),
        (0..=9999_u16, 1..=12_u8, 1..=28_u8)
            .prop_map(|(year, month, day)| Literal::Date(Date::new(year, month, day).unwrap())),
        (-62_167_219_200_000..=253_402_300_799_999_i64)
            .prop_map(|millis| Literal::Instant(Timestamp::from_millis(millis))),
        relative().prop_map(Literal::Relative),
    ]
}

pub(super) fn pattern() -> impl Strategy<Value = Pattern> {
    vec((any::<String>(), 0..3_u8), 0..4).prop_map(|parts| {
        parts.into_iter().fold(Pattern::default(), |pattern, (text, wildcard)| {
            let pattern = pattern.then(&text);
            match wildcard {
                0 => pattern.then_any_run(),
                1 => pattern.then_any_one(),
                _ => pattern,
            }
        })
    })
}

fn comparison() -> impl Strategy<Value = Comparison> {
    select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ])
}

fn function() -> impl Strategy<Value = Function> {
    select(vec![
        Function::Count,
        Function::CountDistinct,
        Function::Min,
        Function::Max,
        Function::Sum,
        Function::Avg,
    ])
}

fn set() -> impl Strategy<Value = PicklistSet> {
    vec("[^;]{1,6}", 1..3).prop_map(|values| PicklistSet::new(values).unwrap())
}

fn leaf() -> BoxedStrategy<Condition> {
    let membership = select(vec![Membership::In, Membership::NotIn]);
    let inclusion = select(vec![Inclusion::Includes, Inclusion::Excludes]);
    prop_oneof![
        4 => (path(), comparison(), literal())
            .prop_map(|(path, comparison, value)| Condition::compare(path, comparison, value)),
        1 => (path(), pattern()).prop_map(|(path, pattern)| Condition::like(path, pattern)),
        1 => (path(), membership, vec(literal(), 1..4))
            .prop_map(|(path, membership, values)| Condition::Member(path, membership, values)),
        1 => (path(), inclusion, vec(set(), 1..3))
            .prop_map(|(path, inclusion, sets)| Condition::Picklist(path, inclusion, sets)),
    ]
    .boxed()
}

pub(super) fn condition() -> BoxedStrategy<Condition> {
    leaf()
        .prop_recursive(4, 12, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(|all| Condition::all(all).unwrap()),
                vec(inner.clone(), 2..4).prop_map(|any| Condition::any(any).unwrap()),
                inner.prop_map(|it| !it),
            ]
        })
        .boxed()
}

fn order_key(operand: impl Strategy<Value = Operand>) -> impl Strategy<Value = OrderKey> {
    let direction = select(vec![Direction::Ascending, Direction::Descending]);
    let nulls = option::of(select(vec![Nulls::First, Nulls::Last]));
    (operand, direction, nulls).prop_map(|(operand, direction, nulls)| OrderKey {
        operand,
        direction,
        nulls,
    })
}

fn type_of() -> impl Strategy<Value = TypeOf> {
    let cases = vec(vec(path(), 1..3), 1..3).prop_map(|lists| {
        let objects = ["Account", "Opportunity"].map(|it| ObjectName::parse(it).unwrap());
        objects.into_iter().zip(lists).collect()
    });
    (path(), cases, vec(path(), 0..2)).prop_map(|(relationship, cases, otherwise)| TypeOf {
        relationship,
        cases,
        otherwise,
    })
}

fn plain_item() -> impl Strategy<Value = SelectItem> {
    prop_oneof![
        6 => path().prop_map(SelectItem::Field),
        1 => path().prop_map(SelectItem::Label),
        1 => path().prop_map(SelectItem::Formatted),
        1 => type_of().prop_map(SelectItem::TypeOf),
        1 => Just(SelectItem::Fields(FieldSet::Standard)),
    ]
}

/// What may follow FROM in every query.
fn dressed(query: BoxedStrategy<Query>) -> BoxedStrategy<Query> {
    let scope = select(vec![Scope::Mine, Scope::Everything, Scope::ScopingRule, Scope::Team]);
    let access = select(vec![AccessMode::SecurityEnforced, AccessMode::User, AccessMode::System]);
    let recency = option::of(select(vec![Recency::View, Recency::Reference]));
    let tracking = option::of(select(vec![Tracking::Tracking, Tracking::ViewStat]));
    let names = (option::of(alias()), vec(path(), 0..2));
    let extras = (option::of(scope), option::of(access), recency, tracking, any::<bool>());
    (query, names, option::of(condition()), extras)
        .prop_map(
            |(
                query,
                (alias, joined),
                condition,
                (scope, access, recency, tracking, is_locking),
            )| {
                let mut query =
                    Query { condition, scope, access, recency, tracking, is_locking, ..query };
                query.source.alias = alias;
                let names = ["j1", "j2"].map(|it| Alias::parse(it).unwrap());
                query.source.joined = joined.into_iter().zip(names).collect();
                query
            },
        )
        .boxed()
}

fn of_records() -> BoxedStrategy<Query> {
    let key = order_key(path().prop_map(Operand::Field));
    let bounds = (option::of(any::<u32>()), option::of(0..=2000_u32));
    (object(), vec(plain_item(), 1..5), vec(key, 0..3), bounds)
        .prop_map(|(object, items, order, (limit, offset))| {
            let query = Query::new(object, items);
            Query { order, limit, offset, ..query }
        })
        .boxed()
}

fn with_children() -> BoxedStrategy<Query> {
    let child = dressed(of_records()).prop_map(|it| SelectItem::Children(Box::new(it)));
    (dressed(of_records()), child).prop_map(|(query, child)| query.with_item(child)).boxed()
}

fn of_groups() -> BoxedStrategy<Query> {
    let fields = vec(path(), 1..4);
    let kinds: Vec<fn(Vec<FieldPath>) -> Grouping> =
        vec![Grouping::Fields, Grouping::Rollup, Grouping::Cube];
    let functions = vec((function(), path()), 1..3);
    (object(), fields, select(kinds), functions, comparison(), literal(), any::<bool>())
        .prop_map(|(object, fields, kind, functions, comparison, value, has_having)| {
            let aliases = ["n1", "n2"].map(|it| Alias::parse(it).unwrap());
            let mut query = Query::new(object, fields.first().cloned());
            for ((function, path), alias) in functions.into_iter().zip(aliases) {
                let operand = Operand::Aggregate(function, path.clone());
                query = query.with_item(SelectItem::Aggregate(function, path, Some(alias)));
                query = query.with_order(OrderKey::descending(operand.clone()));
                if has_having {
                    let condition = Condition::compare(operand, comparison, value.clone());
                    query = query.with_having(condition);
                }
            }
            query.with_grouping(kind(fields))
        })
        .boxed()
}

fn of_counts() -> BoxedStrategy<Query> {
    let item = prop_oneof![
        Just(SelectItem::CountRecords),
        (function(), path()).prop_map(|(it, path)| SelectItem::Aggregate(it, path, None)),
    ];
    (object(), item).prop_map(|(object, item)| Query::new(object, [item])).boxed()
}

fn with_semi_join() -> BoxedStrategy<Query> {
    let membership = select(vec![Membership::In, Membership::NotIn]);
    let inner = (path(), option::of(condition())).prop_map(|(path, condition)| {
        let inner = Query::new(ObjectName::parse("Contact").unwrap(), [path]);
        Box::new(Query { condition, ..inner })
    });
    (of_records(), path(), membership, inner, leaf())
        .prop_map(|(query, path, membership, inner, beside)| {
            query.with_condition(beside.and(Condition::MemberOf(path, membership, inner)))
        })
        .boxed()
}

/// Queries that can be written: those that break a bound by chance are left out.
pub(super) fn query() -> BoxedStrategy<Query> {
    prop_oneof![
        4 => dressed(of_records()),
        2 => with_children(),
        2 => dressed(of_groups()),
        1 => dressed(of_counts()),
        2 => with_semi_join(),
    ]
    .prop_filter("within the bounds", |query| query.to_soql().is_ok())
    .boxed()
}
