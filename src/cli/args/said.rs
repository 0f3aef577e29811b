//! `--reason` and `--until`: what is said with a freeze, a drain or a disarm.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use tenure_core::{ForeignText, Span, Terms};

/// Why, and until when.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Said {
    /// Why: shown wherever it is seen
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<ForeignText>,
    /// When it ends by itself: after a time such as 90m, or at 18:00 or 2026-12-01T06:00Z (UTC)
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub until: Option<Span>,
}

impl From<Said> for Terms {
    fn from(said: Said) -> Self {
        Terms { reason: said.reason.filter(|reason| !reason.trim().is_empty()), lasts: said.until }
    }
}

fn until(text: &str) -> Result<Span, String> {
    span(text, Timestamp::now())
}

/// The time from now to what was written.
fn span(text: &str, now: Timestamp) -> Result<Span, String> {
    let wrong = "write a time such as 90m or 8h, or when it ends: 18:00 or 2026-12-01T06:00Z (UTC)";
    if let Some(span) = tenure_config::span(text) {
        return if span.0 > 0 { Ok(span) } else { Err("write more than no time".to_owned()) };
    }
    let of_day = |time: civil::Time| {
        let today = now.to_zoned(TimeZone::UTC).date().to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp();
        if today > now { Some(today) } else { today.checked_add(SignedDuration::from_hours(24)).ok() }
    };
    let on_day = |text: &str| text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    let end = text.parse::<Timestamp>().ok();
    let end = end.or_else(|| text.parse().ok().and_then(of_day)).or_else(|| Some(on_day(text)?.timestamp()));
    let lasts = end.ok_or(wrong)?.duration_since(now);
    match u64::try_from(lasts.as_millis()) {
        Ok(ms) if ms > 0 => Ok(Span(ms)),
        Ok(_) | Err(_) => Err(format!("{text} has passed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_from_now_or_an_instant() {
        let now: Timestamp = "2026-11-30T13:00:00Z".parse().unwrap();
        let hours = |hours: u64| Ok(Span::seconds(3600 * hours));
        for (text, lasts) in [
            ("90m", Ok(Span::seconds(5400))),
            ("18:00", hours(5)),
            ("06:00", hours(17)),
            ("13:00", hours(24)),
            ("2026-12-01 06:00", hours(17)),
            ("2026-12-01T06:00Z", hours(17)),
            ("2026-12-01T06:00:00+01:00", hours(16)),
            ("2026-11-30T12:59Z", Err("2026-11-30T12:59Z has passed".to_owned())),
            ("0s", Err("write more than no time".to_owned())),
        ] {
            assert_eq!(span(text, now), lasts, "{text}");
        }
        assert!(span("tomorrow", now).unwrap_err().contains("write a time such as 90m"));
    }
}
