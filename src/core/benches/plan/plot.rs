//! Curves as a picture and as a table: both axes logarithmic, the spread as bars.

use std::fmt::Write as _;

/// The low, the median and the high of a figure, in milliseconds.
pub type Figure = [f64; 3];

/// One curve.
pub struct Curve {
    /// Name of the measured quantity.
    pub name: &'static str,
    /// Figures by number of groups.
    pub points: Vec<(usize, Figure)>,
}

/// An upper bound: a number of groups, and milliseconds.
pub type Goal = (usize, f64);

const WIDTH: f64 = 840.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;
const COLOURS: [&str; 6] = ["#0b5fa5", "#c4511c", "#2e7d4f", "#7a4fa0", "#a0344f", "#6b6b1f"];

/// Two axes, each from a power of ten to another.
struct Axes {
    x: [i32; 2],
    y: [i32; 2],
}

impl Axes {
    fn around(curves: &[Curve], goals: &[Goal]) -> Axes {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let span = |values: Vec<f64>| {
            let low = values.iter().copied().fold(f64::MAX, f64::min);
            let high = values.iter().copied().fold(f64::MIN, f64::max);
            [low.log10().floor() as i32, high.log10().ceil() as i32]
        };
        let x = span(points().map(|(groups, _)| *groups as f64).collect());
        let figures = points().flat_map(|(_, figure)| *figure).chain(goals.iter().map(|(_, most)| *most));
        Axes { x, y: span(figures.collect()) }
    }

    fn x(&self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.x[0])) / f64::from(self.x[1] - self.x[0]);
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.y[0])) / f64::from(self.y[1] - self.y[0]);
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }
}

/// Draws the picture, as SVG.
pub fn picture(title: &str, curves: &[Curve], goals: &[Goal]) -> String {
    let axes = Axes::around(curves, goals);
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">"#
    );
    let _ = writeln!(svg, r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>"##);
    text(&mut svg, WIDTH / 2.0, 24.0, "middle", &format!(r#"font-size="15">{title}"#));
    grid(&mut svg, &axes);
    for (n, curve) in curves.iter().enumerate() {
        draw(&mut svg, &axes, curve, COLOURS[n % COLOURS.len()]);
        let y = TOP + 14.0 + 22.0 * n as f64;
        let x = WIDTH - RIGHT + 20.0;
        let colour = COLOURS[n % COLOURS.len()];
        let _ =
            writeln!(svg, r#"<line x1="{x}" y1="{y}" x2="{}" y2="{y}" stroke="{colour}" stroke-width="2"/>"#, x + 22.0);
        text(&mut svg, x + 28.0, y + 4.0, "start", &format!(">{}", curve.name));
    }
    for (groups, most) in goals {
        let (x, y) = (axes.x(*groups as f64), axes.y(*most));
        let _ = writeln!(
            svg,
            r##"<line x1="{}" y1="{y:.1}" x2="{}" y2="{y:.1}" stroke="#444444" stroke-width="2"/>"##,
            x - 14.0,
            x + 14.0
        );
        text(&mut svg, x, y - 6.0, "middle", &format!(">goal: {most} ms"));
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, axes: &Axes) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for power in axes.x[0]..=axes.x[1] {
        for step in 1..10 {
            let value = f64::from(step) * 10_f64.powi(power);
            if power == axes.x[1] && step > 1 {
                break;
            }
            let (x, colour) = (axes.x(value), if step == 1 { "#b0b0b0" } else { "#ececec" });
            let _ = writeln!(svg, r#"<line x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}" stroke="{colour}"/>"#);
            if step == 1 {
                text(svg, x, bottom + 18.0, "middle", &format!(">{value}"));
            }
        }
    }
    for power in axes.y[0]..=axes.y[1] {
        for step in 1..10 {
            let value = f64::from(step) * 10_f64.powi(power);
            if power == axes.y[1] && step > 1 {
                break;
            }
            let (y, colour) = (axes.y(value), if step == 1 { "#b0b0b0" } else { "#ececec" });
            let _ = writeln!(svg, r#"<line x1="{LEFT}" y1="{y:.1}" x2="{right}" y2="{y:.1}" stroke="{colour}"/>"#);
            if step == 1 {
                text(svg, LEFT - 8.0, y + 4.0, "end", &format!(">{value}"));
            }
        }
    }
    text(svg, (LEFT + right) / 2.0, HEIGHT - 16.0, "middle", ">groups");
    let (x, y) = (22.0, (TOP + bottom) / 2.0);
    text(svg, x, y, "middle", &format!(r#"transform="rotate(-90 {x} {y})">milliseconds"#));
}

fn draw(svg: &mut String, axes: &Axes, curve: &Curve, colour: &str) {
    let mut way = String::new();
    for (groups, [low, middle, high]) in &curve.points {
        let (x, y) = (axes.x(*groups as f64), axes.y(*middle));
        let _ = write!(way, "{x:.1},{y:.1} ");
        let _ = writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#);
        let (low, high) = (axes.y(*low), axes.y(*high));
        let ends = [(x, low, x, high), (x - 4.0, low, x + 4.0, low), (x - 4.0, high, x + 4.0, high)];
        for (x1, y1, x2, y2) in ends {
            let _ = writeln!(svg, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}"/>"#);
        }
    }
    let way = way.trim_end();
    let _ = writeln!(svg, r#"<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>"#);
}

/// `rest`: further attributes, then `>` and the text.
fn text(svg: &mut String, x: f64, y: f64, anchor: &str, rest: &str) {
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" {rest}</text>"#);
}

/// Writes the table.
pub fn table(curves: &[Curve], servers: impl Fn(usize) -> usize) -> String {
    let mut csv = String::from("measured,groups,servers,p10_ms,median_ms,p90_ms\n");
    for curve in curves {
        for (groups, [low, middle, high]) in &curve.points {
            let servers = servers(*groups);
            let _ = writeln!(csv, "{},{groups},{servers},{low:.3},{middle:.3},{high:.3}", curve.name);
        }
    }
    csv
}
