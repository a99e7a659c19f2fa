//! burgee's evaluator and its peers, each with the ways to ask it. `bin/measure.rs` times them in turn, `bin/instructions.rs` runs one of
//! them for Callgrind. The flags and people come from files that `bench/run.mjs` writes, so that they are those of the npm package's
//! measurements.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

pub mod contestants;

/// How many people take turns.
const TURN: usize = 16;

/// Whom flags are evaluated for.
#[derive(Clone, Debug, Deserialize)]
pub struct Person {
    pub user_id: String,
    pub locale: String,
    pub country: Option<String>,
    pub app_version: String,
    pub plan: Option<String>,
}

impl Person {
    /// The attributes by name, in the order in which everybody gives them.
    pub fn attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let optional = [
            ("user_id", Some(&*self.user_id)),
            ("locale", Some(&*self.locale)),
            ("country", self.country.as_deref()),
            ("app_version", Some(&*self.app_version)),
            ("plan", self.plan.as_deref()),
        ];
        optional.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A: a static boolean flag.
    Static,
    /// B: a rule of two conditions and a percentage.
    Rule,
    /// All of so many flags of shape B.
    All(usize),
    /// Loading so many of them.
    Load(usize),
}

impl Shape {
    pub const EVERY: [Self; 5] = [Self::Static, Self::Rule, Self::All(100), Self::All(1000), Self::Load(10_000)];

    /// As the table names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "A",
            Self::Rule => "B",
            Self::All(100) => "all of 100",
            Self::All(_) => "all of 1,000",
            Self::Load(_) => "load of 10,000",
        }
    }

    fn document(self) -> String {
        match self {
            Self::Static | Self::Rule => "one".into(),
            Self::All(count) | Self::Load(count) => count.to_string(),
        }
    }
}

/// The folder of what `bench/run.mjs` writes.
pub struct Inputs(PathBuf);

/// Where the flags of a shape are, and what they are called.
#[derive(Debug, Deserialize)]
pub struct Keys {
    #[serde(rename = "static")]
    pub always: Option<String>,
    pub rule: String,
    pub rules: Vec<String>,
}

impl Inputs {
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self(folder.as_ref().into())
    }

    fn read(&self, name: &str) -> Vec<u8> {
        let path = self.0.join(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn json<T: for<'a> Deserialize<'a>>(&self, name: &str) -> T {
        serde_json::from_slice(&self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A shape's document in one of the forms.
    pub fn document(&self, form: &str, shape: Shape) -> Vec<u8> {
        self.read(&format!("{form}-{}.json", shape.document()))
    }
}

/// A shape with everything that contestants are asked about it.
pub struct Task {
    pub shape: Shape,
    pub keys: Keys,
    pub people: Vec<Person>,
}

impl Task {
    pub fn new(inputs: &Inputs, shape: Shape) -> Self {
        Self {
            shape,
            keys: inputs.json(&format!("keys-{}.json", shape.document())),
            people: inputs.json("people.json"),
        }
    }

    /// The key of the flag that is evaluated alone.
    pub fn key(&self) -> &str {
        match self.shape {
            Shape::Static => self.keys.always.as_deref().expect("there is a static flag"),
            _ => &self.keys.rule,
        }
    }
}

/// How often flags were on, and how long it took to ask.
pub struct Run {
    pub elapsed: Duration,
    pub on: u64,
}

/// A way to ask a contestant: it does so as often as it is told.
pub type Ask = Box<dyn FnMut(u64) -> Run>;

/// One row of the table.
pub struct Row {
    pub contestant: &'static str,
    pub route: &'static str,
    /// What it is comparable with: `handle`, `key` or `fresh`.
    pub style: &'static str,
    pub ask: Ask,
    /// How often flags are on in so many times.
    pub due: Box<dyn Fn(u64) -> u64>,
}

impl Row {
    /// Asks n times, and holds the answers against those that are due.
    pub fn run(&mut self, n: u64) -> Duration {
        let Run { elapsed, on } = (self.ask)(n);
        assert_eq!(on, (self.due)(n), "{}, {}", self.contestant, self.route);
        elapsed
    }
}

/// The people whom a contestant's own buckets let in, after a check that it decides right; and the count of flags that are on for each.
pub struct Checked {
    pub people: Vec<Person>,
    pub on: Vec<u64>,
}

impl Checked {
    pub fn new(contestant: &str, task: &Task, decide: impl Fn(&str, &Person) -> bool) -> Self {
        let rule = &task.keys.rule;
        let people: Vec<Person> = task.people.iter().filter(|person| decide(rule, person)).cloned().collect();
        let share = people.len() as f64 / task.people.len() as f64 * 100.0;
        assert!((share - 25.0).abs() < 2.0, "{contestant}: {share:.1} % of the people are in, where 25 % are due");
        let people = people[..TURN].to_vec();
        let nobody = |country: Option<&str>, plan: Option<&str>| Person {
            country: country.map(Into::into),
            plan: plan.map(Into::into),
            ..people[0].clone()
        };
        for (country, plan) in
            [(Some("US"), Some("pro")), (Some("CA"), Some("free")), (None, Some("pro")), (Some("CA"), None)]
        {
            assert!(!decide(rule, &nobody(country, plan)), "{contestant}: the conditions let in {country:?}, {plan:?}");
        }
        if let Some(key) = &task.keys.always {
            assert!(decide(key, &people[0]), "{contestant}: the static flag is off");
        }
        let on = match task.shape {
            Shape::All(_) => people
                .iter()
                .map(|person| task.keys.rules.iter().filter(|key| decide(key, person)).count() as u64)
                .collect(),
            _ => vec![1; people.len()],
        };
        Self { people, on }
    }

    /// A row of these people, in the form that the contestant wants them, asked one after the other.
    pub fn row<C: 'static>(
        &self,
        [contestant, route, style]: [&'static str; 3],
        context: impl Fn(&Person) -> C,
        mut ask: impl FnMut(&C) -> u64 + 'static,
    ) -> Row {
        let contexts: Vec<C> = self.people.iter().map(context).collect();
        let on = self.on.clone();
        Row {
            contestant,
            route,
            style,
            ask: Box::new(move |n| {
                let began = Instant::now();
                let on = (0..n).map(|i| ask(black_box(&contexts[i as usize % TURN]))).sum();
                Run { elapsed: began.elapsed(), on }
            }),
            due: Box::new(move |n| {
                let whole = on.iter().sum::<u64>() * (n / TURN as u64);
                whole + on[..n as usize % TURN].iter().sum::<u64>()
            }),
        }
    }
}

/// A row of loading: what was loaded says whether the flag is on, and is then dropped, which is not counted.
pub fn load_row<T>(
    [contestant, route]: [&'static str; 2],
    load: impl Fn() -> T + 'static,
    is_on: impl Fn(&T) -> bool + 'static,
) -> Row {
    Row {
        contestant,
        route,
        style: "key",
        ask: Box::new(move |n| {
            let mut run = Run { elapsed: Duration::ZERO, on: 0 };
            for _ in 0..n {
                let began = Instant::now();
                let loaded = load();
                run.on += u64::from(is_on(black_box(&loaded)));
                run.elapsed += began.elapsed();
            }
            run
        }),
        due: Box::new(|n| n),
    }
}
