use std::collections::HashMap;
use std::hint::black_box;
use std::rc::Rc;

use unleash_types::client_features::{ClientFeatures, Context};
use unleash_yggdrasil::EngineState;

use crate::{Checked, Inputs, Person, Row, Shape, Task, load_row};

pub const NAME: &str = "unleash-yggdrasil";

fn load(json: &[u8]) -> EngineState {
    let features: ClientFeatures = serde_json::from_slice(json).expect("features");
    let engine = EngineState::default();
    let warnings = engine.apply_client_features(features);
    assert!(warnings.is_none_or(|warnings| warnings.is_empty()));
    engine
}

fn context(person: &Person) -> Context {
    let properties: HashMap<String, String> =
        person.attributes().skip(1).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Context { user_id: Some(person.user_id.clone()), properties: Some(properties), ..Context::default() }
}

fn is_on(engine: &EngineState, key: &str, context: &Context) -> bool {
    black_box(engine.is_enabled(key, context, &None))
}

pub fn rows(inputs: &Inputs, task: &Task) -> Vec<Row> {
    let json = inputs.document("unleash", task.shape);
    let engine = Rc::new(load(&json));
    let checked = Checked::new(NAME, task, |key, person| is_on(&engine, key, &context(person)));
    let key = task.key().to_owned();
    match task.shape {
        Shape::Static | Shape::Rule => vec![checked.row([NAME, "is_enabled", "key"], context, move |context| {
            u64::from(is_on(&engine, black_box(&key), context))
        })],
        Shape::All(_) => {
            let keys = task.keys.rules.clone();
            vec![checked.row([NAME, "is_enabled", "key"], context, move |context| {
                keys.iter().map(|key| u64::from(is_on(&engine, key, context))).sum()
            })]
        }
        Shape::Load(_) => {
            let context = context(&checked.people[0]);
            vec![load_row(
                [NAME, "apply_client_features"],
                move || load(&json),
                move |engine| is_on(engine, &key, &context),
            )]
        }
    }
}
