//! Quantities as people write them: times, memory, processing units. Whole numbers of the smallest unit only; other
//! values are refused, never rounded.

use tenure_core::Span;

/// Advice for a time.
pub(crate) const TIME_HELP: &str = "write a time such as \"250ms\", \"1.5s\", \"10m\" or \"1h\"";
/// Advice for memory.
pub(crate) const MEMORY_HELP: &str = "write memory such as \"512MiB\", \"8GiB\" or \"1.5TiB\"";
/// Advice for processing units.
pub(crate) const PROCESSORS_HELP: &str = "write processing units such as \"0.5\" or \"16\", in steps of 0.01";

/// Reads a time, as written in the cluster file: `250ms`, `1.5s`, `10m`, `1h`.
pub fn span(text: &str) -> Option<Span> {
    let (digits, unit) = split(text)?;
    let scale = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    scaled(digits, scale).map(Span)
}

/// Reads `8GiB`, in MiB.
pub(crate) fn mebibytes(text: &str) -> Option<u64> {
    let (digits, unit) = split(text)?;
    let scale = match unit {
        "MiB" => 1,
        "GiB" => 1024,
        "TiB" => 1024 * 1024,
        _ => return None,
    };
    scaled(digits, scale)
}

/// Reads `0.5`, in hundredths.
pub(crate) fn processors(text: &str) -> Option<u64> {
    let (digits, unit) = split(text)?;
    unit.is_empty().then(|| scaled(digits, 100)).flatten()
}

/// Writes memory in MiB, as in the cluster file: `8GiB`.
pub fn memory(mebibytes: u64) -> String {
    match mebibytes {
        0 => "0MiB".to_owned(),
        n if n % (1024 * 1024) == 0 => format!("{}TiB", n / (1024 * 1024)),
        n if n % 1024 == 0 => format!("{}GiB", n / 1024),
        n => format!("{n}MiB"),
    }
}

/// Writes hundredths of a processor, as in the cluster file: `0.5`.
pub(crate) fn units(hundredths: u64) -> String {
    let text = tenure_core::config::hundredths(hundredths);
    let short = text.trim_end_matches('0');
    short.strip_suffix('.').map_or_else(|| short.to_owned(), |whole| format!("{whole}.0"))
}

fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    (!digits.is_empty()).then(|| (digits, unit.trim_start()))
}

/// A decimal number times `scale`, if that is a whole number.
fn scaled(digits: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let fraction = match fraction.trim_end_matches('0') {
        "" if fraction.is_empty() => return None,
        "" => 0,
        fraction => {
            let places = u32::try_from(fraction.len()).ok().filter(|places| *places <= 9)?;
            let power = 10_u64.pow(places);
            let scaled = fraction.parse::<u64>().ok()?.checked_mul(scale)?;
            if scaled % power != 0 {
                return None;
            }
            scaled / power
        }
    };
    whole.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let times = [("250ms", 250), ("1.5s", 1500), ("0.25s", 250), ("10m", 600_000), ("1 h", 3_600_000), ("0s", 0)];
        for (text, ms) in times {
            assert_eq!(span(text), Some(Span(ms)), "{text}");
        }
        for text in ["", "5", "s", "1.5ms", "1..5s", "-1s", "1.s", "5 days", "99999999999999999999s", "0.0001s"] {
            assert_eq!(span(text), None, "{text}");
        }
        assert_eq!(mebibytes("8GiB"), Some(8192));
        assert_eq!(mebibytes("1.5GiB"), Some(1536));
        assert_eq!(mebibytes("8GB"), None);
        assert_eq!(processors("0.5"), Some(50));
        assert_eq!(processors("16"), Some(1600));
        assert_eq!(processors("0.125"), None);
    }

    #[test]
    fn writes_what_it_reads() {
        for n in [0, 1, 512, 1024, 1536, 8192, 1024 * 1024, 3 * 1024 * 1024, u64::MAX / 4] {
            assert_eq!(mebibytes(&memory(n)), Some(n));
            assert_eq!(processors(&units(n)), Some(n));
        }
        assert_eq!(units(50), "0.5");
        assert_eq!(units(1600), "16.0");
    }
}
