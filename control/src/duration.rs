//! Durations as people write them: `90s`, `15m`, `24h`, `7d`.

/// Reads a duration: digits and one unit. Gives milliseconds.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    // `parse` alone would take a sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

/// Writes milliseconds as a duration, in the largest unit that holds them without a rest. Less than a second is left out.
#[must_use]
pub fn format(ms: i64) -> String {
    let fits = |(_, unit): &&(&str, i64)| ms.checked_rem(*unit) == Some(0);
    let (name, unit) = UNITS.iter().rev().find(fits).copied().unwrap_or(("s", 1000));
    format!("{}{name}", ms.checked_div(unit).unwrap_or(0))
}

const UNITS: [(&str, i64); 4] = [("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, ms) in
            [("90s", 90_000), ("15m", 900_000), ("25h", 90_000_000), ("7d", 604_800_000), ("1d", 86_400_000)]
        {
            assert_eq!((parse(text), format(ms).as_str()), (Some(ms), text));
        }
        assert_eq!((parse("60s"), format(60_000).as_str()), (Some(60_000), "1m"));
        assert_eq!(parse("0s"), Some(0));
        for text in ["", "s", "5", "-5s", "+5s", "1.5h", "5 s", "5w", "5S", "5é", "99999999999999999d", "1h30m"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
