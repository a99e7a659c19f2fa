use std::hint::black_box;
use std::rc::Rc;

use burgee_core::{FlagIndex, NamedContext, Request, Snapshot, Value};

use crate::{Checked, Inputs, Person, Row, Shape, Task, load_row};

pub const NAME: &str = "burgee";

fn parse(json: &[u8]) -> Snapshot {
    let snapshot = Snapshot::parse(json).unwrap_or_else(|fault| panic!("{fault:?}"));
    assert!(snapshot.warnings().is_empty(), "{:?}", snapshot.warnings()[0]);
    snapshot
}

fn context(person: &Person) -> NamedContext<'_> {
    person.attributes().fold(NamedContext::new(), |context, (name, value)| context.with(name, value))
}

fn owned(person: &Person) -> NamedContext<'static> {
    // What is kept lives as long as the measurements.
    let person: &'static Person = Box::leak(Box::new(person.clone()));
    context(person)
}

fn is_on(snapshot: &Snapshot, flag: Option<FlagIndex>, context: &NamedContext<'_>) -> bool {
    black_box(snapshot.evaluate(flag, context, &Request::at(0), &mut ())).enabled
}

pub fn rows(inputs: &Inputs, task: &Task) -> Vec<Row> {
    let json = inputs.document("burgee", task.shape);
    let snapshot = Rc::new(parse(&json));
    let decide = |key: &str, person: &Person| is_on(&snapshot, snapshot.find(key), &context(person));
    let checked = Checked::new(NAME, task, decide);
    let key = task.key().to_owned();
    let one = snapshot.find(&key);
    match task.shape {
        Shape::Static | Shape::Rule => {
            let (by_handle, by_key, fresh) = (snapshot.clone(), snapshot.clone(), snapshot);
            let fresh_key = key.clone();
            vec![
                checked.row([NAME, "flag handle, kept context", "handle"], owned, move |context| {
                    u64::from(is_on(&by_handle, black_box(one), context))
                }),
                checked.row([NAME, "key, kept context", "key"], owned, move |context| {
                    u64::from(is_on(&by_key, by_key.find(black_box(&key)), context))
                }),
                checked.row([NAME, "key, fresh context", "fresh"], Person::clone, move |person| {
                    let context = NamedContext::new()
                        .with("user_id", &*person.user_id)
                        .with("locale", &*person.locale)
                        .with("country", text(&person.country))
                        .with("app_version", &*person.app_version)
                        .with("plan", text(&person.plan));
                    u64::from(is_on(&fresh, fresh.find(black_box(&fresh_key)), black_box(&context)))
                }),
            ]
        }
        Shape::All(count) => {
            let (by_handle, by_key) = (snapshot.clone(), snapshot);
            let keys = task.keys.rules.clone();
            vec![
                checked.row([NAME, "flag handles, kept context", "handle"], owned, move |context| {
                    (0..count as u32).map(|index| u64::from(is_on(&by_handle, Some(FlagIndex(index)), context))).sum()
                }),
                checked.row([NAME, "keys, kept context", "key"], owned, move |context| {
                    keys.iter().map(|key| u64::from(is_on(&by_key, by_key.find(key), context))).sum()
                }),
            ]
        }
        Shape::Load(_) => {
            let person = checked.people[0].clone();
            vec![load_row(
                [NAME, "Snapshot::parse"],
                move || parse(&json),
                move |snapshot| is_on(snapshot, snapshot.find(&key), &context(&person)),
            )]
        }
    }
}

fn text(value: &Option<String>) -> Value<'_> {
    value.as_deref().map_or(Value::Absent, Value::from)
}
