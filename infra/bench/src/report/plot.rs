//! A plot of a report: a bar for each process, as long as its median, with a line from its least to its most.

use plotters::{
    coord::Shift,
    prelude::{
        Color, DrawingArea, EmptyElement, IntoDrawingArea as _, IntoFont as _, PathElement, RGBColor,
        Rectangle, SVGBackend, Text, WHITE,
    },
    style::{
        BLACK,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::{
    Result,
    numbers::{Spread, short},
    report::{heading, main_metric},
    results::{Report, Role},
};

const WIDTH: i32 = 860;
const TOP: i32 = 44;
const ROW: i32 = 28;
const BAR: i32 = 16;
/// Where bars begin; their labels are to the left.
const LEFT: i32 = 380;
/// Room for the figure behind the longest bar.
const RIGHT: i32 = 110;
const FONT: i32 = 16;
const OF_FUNCTION: RGBColor = RGBColor(38, 94, 150);
const OF_BASELINE: RGBColor = RGBColor(170, 178, 186);

struct Bar {
    label: String,
    role: Role,
    spread: Spread,
}

/// The plot as an SVG document.
pub(super) fn svg(report: &Report) -> Result<String> {
    let bars = bars(report);
    let height = TOP + ROW * i32::try_from(bars.len())? + ROW / 2;

    let mut document = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut document, size).into_drawing_area();
        area.fill(&WHITE)?;
        draw(&area, &title(report), &bars)?;
        area.present()?;
    }
    Ok(document)
}

fn title(report: &Report) -> String {
    let Report { name, unit, commit, .. } = report;
    format!("{name}: {} of one {unit} (commit {commit})", heading(main_metric(report)).replace('`', ""))
}

fn bars(report: &Report) -> Vec<Bar> {
    let metric = main_metric(report);
    let of_case = |case: &crate::results::Case| {
        let label = |name: &str| {
            if case.name.is_empty() { name.to_owned() } else { format!("{}, {name}", case.name) }
        };
        let bar = |subject: &crate::results::Figures| {
            let spread = *subject.metrics.get(&metric)?;
            Some(Bar { label: label(&subject.name), role: subject.role, spread })
        };
        case.subjects.iter().filter_map(bar).collect::<Vec<_>>()
    };
    report.cases.iter().flat_map(of_case).collect()
}

fn draw(area: &DrawingArea<SVGBackend<'_>, Shift>, title: &str, bars: &[Bar]) -> Result<()> {
    let text =
        |anchor: HPos| ("sans-serif", FONT).into_font().color(&BLACK).pos(Pos::new(anchor, VPos::Center));
    let longest = bars.iter().map(|bar| bar.spread.max).fold(f64::MIN_POSITIVE, f64::max);
    area.draw(&Text::new(title.to_owned(), (10, TOP / 2), text(HPos::Left)))?;

    let mut middle = TOP + ROW / 2;
    for Bar { label, role, spread } in bars {
        let (end, least, most) = (x(spread.median, longest), x(spread.min, longest), x(spread.max, longest));
        let color = if *role == Role::Function { OF_FUNCTION } else { OF_BASELINE };
        let corners = [(LEFT, middle - BAR / 2), (end.max(LEFT + 1), middle + BAR / 2)];

        area.draw(&Text::new(label.clone(), (LEFT - 10, middle), text(HPos::Right)))?;
        area.draw(&Rectangle::new(corners, color.filled()))?;
        area.draw(&PathElement::new([(least, middle), (most, middle)], BLACK))?;
        area.draw(
            &(EmptyElement::at((most + 8, middle))
                + Text::new(short(spread.median), (0, 0), text(HPos::Left))),
        )?;
        middle += ROW;
    }
    Ok(())
}

/// Where a figure is, if the longest is at the right border.
fn x(figure: f64, longest: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "within the plot's width")]
    let length = (f64::from(WIDTH - LEFT - RIGHT) * figure / longest).round() as i32;
    LEFT + length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::tests::report;

    #[test]
    fn every_process_has_a_bar_with_its_figure() {
        let document = svg(&report()).unwrap();
        assert!(document.starts_with("<svg") && document.trim_end().ends_with("</svg>"), "{document}");
        for text in ["deliver", "loop", "600", "20.0", "commit 0123456789ab"] {
            assert!(document.contains(text), "{text}: {document}");
        }
    }

    #[test]
    fn the_longest_bar_ends_where_its_figure_has_room() {
        assert_eq!(x(0.0, 7.0), LEFT);
        assert_eq!(x(7.0, 7.0), WIDTH - RIGHT);
    }
}
