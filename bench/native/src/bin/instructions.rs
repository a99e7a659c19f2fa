//! Runs one row n times, for Callgrind to count: `instructions FOLDER CONTESTANT SHAPE STYLE N`. What the run needs beforehand is counted
//! too, so the count of one n is to be taken from that of another.

use std::env;

use burgee_bench::contestants::ALL;
use burgee_bench::{Inputs, Shape, Task};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, contestant, shape, style, n] = arguments.as_slice() else {
        panic!("instructions FOLDER CONTESTANT SHAPE STYLE N");
    };
    let inputs = Inputs::new(folder);
    let shape = Shape::EVERY.into_iter().find(|known| known.name() == shape).expect("a shape");
    let (_, rows) = ALL.iter().find(|(name, _)| name == contestant).expect("a contestant");
    let mut rows = rows(&inputs, &Task::new(&inputs, shape));
    let row = rows.iter_mut().find(|row| row.style == style).expect("a style");
    row.run(n.parse().expect("a number"));
}
