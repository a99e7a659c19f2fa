//! Times every contestant on every shape, round after round in turn, and prints the samples as JSON: `measure FOLDER [--smoke]`.

use std::env;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use burgee_bench::contestants::ALL;
use burgee_bench::{Inputs, Row, Shape, Task};

const SAMPLE: Duration = Duration::from_millis(2);
const WARM_UP: Duration = Duration::from_millis(50);

fn rounds(shape: Shape) -> usize {
    match shape {
        Shape::Static | Shape::Rule => 101,
        Shape::All(_) => 51,
        Shape::Load(_) => 9,
    }
}

/// Warms up, and finds how many calls take about a sample's time.
fn calibrate(row: &mut Row) -> u64 {
    let began = Instant::now();
    let mut n = 1;
    loop {
        let elapsed = row.run(n);
        if elapsed >= SAMPLE / 2 && began.elapsed() >= WARM_UP {
            let wanted = n as f64 * SAMPLE.as_secs_f64() / elapsed.as_secs_f64();
            return (wanted.round() as u64).max(1);
        }
        if elapsed < SAMPLE / 2 {
            n *= 2;
        }
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let inputs = Inputs::new(&arguments[0]);
    let is_smoke = arguments.iter().any(|argument| argument == "--smoke");
    let mut results = Vec::new();
    for shape in Shape::EVERY {
        writeln!(io::stderr(), "{}", shape.name())?;
        let task = Task::new(&inputs, shape);
        let mut rows: Vec<Row> = ALL.iter().flat_map(|(_, rows)| rows(&inputs, &task)).collect();
        let is_load = matches!(shape, Shape::Load(_));
        let counts: Vec<u64> = rows.iter_mut().map(|row| if is_load { 1 } else { calibrate(row) }).collect();
        let mut samples = vec![Vec::new(); rows.len()];
        for _ in 0..if is_smoke { 3 } else { rounds(shape) } {
            for ((row, &n), samples) in rows.iter_mut().zip(&counts).zip(&mut samples) {
                // The caches are the last contestant's: a tenth is run before it counts.
                if !is_load {
                    row.run(n.div_ceil(10));
                }
                samples.push(row.run(n).as_secs_f64() * 1e9 / n as f64);
            }
        }
        for (row, samples) in rows.iter().zip(samples) {
            results.push(serde_json::json!({
                "shape": shape.name(),
                "contestant": row.contestant,
                "route": row.route,
                "style": row.style,
                "samples": samples,
            }));
        }
    }
    writeln!(io::stdout(), "{}", serde_json::Value::from(results))
}
