//! Draws a run as an SVG: charts on one time axis, phases as coloured regions. Only draws: the data are arguments.

use std::error::Error;
use std::path::Path;

use plotters::prelude::{
    BLACK, ChartBuilder, Color, IntoDrawingArea, IntoFont, LineSeries, PathElement, RGBColor, Rectangle,
    SVGBackend, SeriesLabelPosition, WHITE,
};
use testkit::Series;

/// A chart of a picture.
pub(crate) struct Chart {
    /// The text above it.
    pub(crate) title: &'static str,
    /// The query: one line per server.
    pub(crate) query: &'static str,
    /// Whether the vertical axis is logarithmic.
    pub(crate) log: bool,
}

/// A phase, in Unix seconds.
pub(crate) struct Region {
    /// Its name.
    pub(crate) phase: &'static str,
    /// Its start.
    pub(crate) start: f64,
    /// Its end.
    pub(crate) end: f64,
}

/// The content of a picture.
pub(crate) struct Picture {
    /// The time axis, in Unix seconds.
    pub(crate) span: (f64, f64),
    /// The phases.
    pub(crate) regions: Vec<Region>,
    /// The charts with their data, from the top.
    pub(crate) charts: Vec<(Vec<Series>, Chart)>,
}

const SIZE: (u32, u32) = (760, 540);
const LINES: [RGBColor; 3] = [RGBColor(200, 60, 40), RGBColor(40, 100, 190), RGBColor(60, 150, 80)];
/// 0.1 ms to some seconds, as powers of ten.
const LATENCY: (f64, f64) = (-4.0, 0.5);

/// Writes the picture.
pub(crate) fn write(path: &Path, picture: &Picture) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (start, end) = (0.0, picture.span.1 - picture.span.0);
    let areas = root.split_evenly((picture.charts.len(), 1));
    for (index, (area, (series, chart))) in areas.iter().zip(&picture.charts).enumerate() {
        let height = |value: f64| if chart.log { value.log10().max(LATENCY.0) } else { value };
        let most = series.iter().flat_map(|one| &one.points).map(|(_, value)| *value).fold(0.0, f64::max);
        let (low, high) = if chart.log { LATENCY } else { (0.0, (most * 1.1).max(1.1)) };
        let mut drawn = ChartBuilder::on(area)
            .caption(chart.title, ("sans-serif", 14).into_font())
            .margin(6)
            .x_label_area_size(22)
            .y_label_area_size(52)
            .build_cartesian_2d(start..end, low..high)?;
        let label = |value: &f64| match chart.log {
            true => format!("{}", 10f64.powf(*value)),
            false => format!("{}", (value * 100.0).round() / 100.0),
        };
        drawn
            .configure_mesh()
            .max_light_lines(0)
            .bold_line_style(BLACK.mix(0.08))
            .x_labels(12)
            .y_labels(5)
            .x_label_formatter(&|seconds| format!("{seconds:.0} s"))
            .y_label_formatter(&label)
            .draw()?;
        for region in &picture.regions {
            let corners = [(region.start - picture.span.0, low), (region.end - picture.span.0, high)];
            drawn.draw_series([Rectangle::new(corners, colour(region.phase).mix(0.10).filled())])?;
        }
        for (one, line) in series.iter().zip(LINES) {
            let points = one.points.iter().filter(|(_, value)| value.is_finite());
            let points = points.map(|(time, value)| (time - picture.span.0, height(*value)));
            drawn
                .draw_series(LineSeries::new(points, line.stroke_width(2)))?
                .label(one.labels.get("server").map_or("", String::as_str))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], line.stroke_width(2)));
        }
        if index == 0 {
            drawn
                .configure_series_labels()
                .position(SeriesLabelPosition::LowerRight)
                .background_style(WHITE.mix(0.8))
                .draw()?;
        }
    }
    root.present()?;
    Ok(())
}

/// The colour of a phase, as on the dashboards.
fn colour(phase: &str) -> RGBColor {
    match phase {
        "testing" => RGBColor(220, 40, 40),
        "recovery" => RGBColor(40, 160, 60),
        _ => RGBColor(50, 110, 220),
    }
}
