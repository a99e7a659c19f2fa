use std::collections::HashMap;
use std::hint::black_box;
use std::rc::Rc;

use launchdarkly_server_sdk_evaluation::{Context, ContextBuilder, Flag, FlagValue, Segment, Store, evaluate};
use serde::Deserialize;

use crate::{Checked, Inputs, Person, Row, Shape, Task, load_row};

pub const NAME: &str = "launchdarkly";

#[derive(Deserialize)]
struct Flags {
    flags: HashMap<String, Flag>,
}

/// Asked for prerequisites and segments alone, of which there are none.
impl Store for Flags {
    fn flag(&self, key: &str) -> Option<Flag> {
        self.flags.get(key).cloned()
    }

    fn segment(&self, _key: &str) -> Option<Segment> {
        None
    }
}

fn load(json: &[u8]) -> Flags {
    serde_json::from_slice(json).expect("flags")
}

fn context(person: &Person) -> Context {
    let mut builder = ContextBuilder::new(&*person.user_id);
    for (name, value) in person.attributes().skip(1) {
        builder.set_string(name, value);
    }
    builder.build().expect("a context")
}

fn is_on(flags: &Flags, flag: &Flag, context: &Context) -> bool {
    let detail = black_box(evaluate(flags, flag, context, None));
    matches!(detail.value, Some(FlagValue::Bool(true)))
}

pub fn rows(inputs: &Inputs, task: &Task) -> Vec<Row> {
    let json = inputs.document("launchdarkly", task.shape);
    let flags = Rc::new(load(&json));
    let checked = Checked::new(NAME, task, |key, person| is_on(&flags, &flags.flags[key], &context(person)));
    let key = task.key().to_owned();
    match task.shape {
        Shape::Static | Shape::Rule => {
            let (by_handle, by_key) = (flags.clone(), flags);
            let flag = by_handle.flags[&key].clone();
            vec![
                checked.row([NAME, "evaluate, flag kept", "handle"], context, move |context| {
                    u64::from(is_on(&by_handle, black_box(&flag), context))
                }),
                checked.row([NAME, "evaluate, flag by key", "key"], context, move |context| {
                    u64::from(is_on(&by_key, &by_key.flags[black_box(&*key)], context))
                }),
            ]
        }
        Shape::All(_) => {
            let keys = task.keys.rules.clone();
            vec![checked.row([NAME, "evaluate, flags by key", "key"], context, move |context| {
                keys.iter().map(|key| u64::from(is_on(&flags, &flags.flags[key], context))).sum()
            })]
        }
        Shape::Load(_) => {
            let context = context(&checked.people[0]);
            vec![load_row(
                [NAME, "serde_json"],
                move || load(&json),
                move |flags| is_on(flags, &flags.flags[&key], &context),
            )]
        }
    }
}
