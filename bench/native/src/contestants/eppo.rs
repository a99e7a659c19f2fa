use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use eppo_core::eval::get_assignment;
use eppo_core::ufc::{UniversalFlagConfig, VariationType};
use eppo_core::{Attributes, Configuration, SdkMetadata, Str};

use crate::{Checked, Inputs, Person, Row, Shape, Task, load_row};

pub const NAME: &str = "eppo_core";

struct Subject {
    key: Str,
    attributes: Arc<Attributes>,
}

fn load(json: Vec<u8>) -> Configuration {
    let metadata = SdkMetadata { name: "bench", version: "1.0.0" };
    let flags = UniversalFlagConfig::from_json(metadata, json).expect("flags");
    Configuration::from_server_response(flags, None)
}

fn subject(person: &Person) -> Subject {
    Subject {
        key: person.user_id.as_str().into(),
        attributes: Arc::new(person.attributes().skip(1).map(|(name, value)| (name.into(), value.into())).collect()),
    }
}

fn is_on(configuration: &Configuration, key: &str, subject: &Subject, now: DateTime<Utc>) -> bool {
    let wanted = Some(VariationType::Boolean);
    let answer = get_assignment(Some(configuration), key, &subject.key, &subject.attributes, wanted, now);
    let assignment = black_box(answer).expect("an assignment").expect("a value");
    assignment.value.as_boolean() == Some(true)
}

pub fn rows(inputs: &Inputs, task: &Task) -> Vec<Row> {
    let json = inputs.document("eppo", task.shape);
    let configuration = Rc::new(load(json.clone()));
    // The time is the caller's business here: it is read once.
    let now = Utc::now();
    let checked = Checked::new(NAME, task, |key, person| is_on(&configuration, key, &subject(person), now));
    let key = task.key().to_owned();
    match task.shape {
        Shape::Static | Shape::Rule => vec![checked.row([NAME, "get_assignment", "key"], subject, move |subject| {
            u64::from(is_on(&configuration, black_box(&key), subject, now))
        })],
        Shape::All(_) => {
            let keys = task.keys.rules.clone();
            vec![checked.row([NAME, "get_assignment", "key"], subject, move |subject| {
                keys.iter().map(|key| u64::from(is_on(&configuration, key, subject, now))).sum()
            })]
        }
        Shape::Load(_) => {
            let subject = subject(&checked.people[0]);
            vec![load_row(
                [NAME, "from_json"],
                move || load(json.clone()),
                move |configuration| is_on(configuration, &key, &subject, now),
            )]
        }
    }
}
