//! The picture: a group of horizontal bars for each program, one bar for each engine, its length
//! the time relative to the first engine's.

use std::fmt::Write;

use super::Report;

const LABEL_WIDTH: f64 = 150.0;
const PLOT_WIDTH: f64 = 640.0;
const BAR_HEIGHT: f64 = 9.0;
const GROUP_GAP: f64 = 9.0;
const TOP: f64 = 46.0;

/// Bars that would be longer are cut off here, and their number is printed.
const MOST: f64 = 4.0;

const COLOURS: [&str; 8] =
    ["#1d6fa5", "#d1495b", "#edae49", "#00798c", "#8d6a9f", "#6b705c", "#333333", "#a98467"];

struct Group<'a> {
    label: &'a str,
    /// Time relative to the first engine's, where there is one.
    bars: Vec<Option<f64>>,
}

pub(super) fn chart(report: &Report) -> String {
    let groups = groups(report);
    let group_height = report.engines.len() as f64 * BAR_HEIGHT + GROUP_GAP;
    let plot_height = groups.len() as f64 * group_height;
    let (width, height) = (LABEL_WIDTH + PLOT_WIDTH + 60.0, TOP + plot_height + 34.0);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    legend(&mut svg, report);
    axis(&mut svg, plot_height, &report.engines[0].engine);
    for (number, group) in groups.iter().enumerate() {
        draw_group(&mut svg, group, TOP + number as f64 * group_height);
    }
    svg.push_str("</svg>\n");
    svg
}

fn groups(report: &Report) -> Vec<Group<'_>> {
    let invert = |ratio: Option<f64>| ratio.map(|ratio| 1.0 / ratio);
    let engines = 0..report.engines.len();
    let mut groups: Vec<_> = report
        .rows
        .iter()
        .map(|row| Group {
            label: &row.program,
            bars: engines.clone().map(|engine| invert(row.ratio(engine))).collect(),
        })
        .collect();
    groups.push(Group {
        label: "geometric mean",
        bars: engines.map(|engine| invert(report.mean_ratio(engine))).collect(),
    });
    groups
}

fn legend(svg: &mut String, report: &Report) {
    let mut x = LABEL_WIDTH;
    for (engine, column) in report.engines.iter().enumerate() {
        let name = escaped(&column.engine);
        let colour = COLOURS[engine % COLOURS.len()];
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"10\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"19\">{name}</text>",
            x + 14.0
        );
        x += 30.0 + 7.0 * column.engine.chars().count() as f64;
    }
}

fn axis(svg: &mut String, plot_height: f64, first: &str) {
    let bottom = TOP + plot_height;
    for half in 0..=(MOST * 2.0) as u32 {
        let value = f64::from(half) / 2.0;
        let x = LABEL_WIDTH + value / MOST * PLOT_WIDTH;
        let colour = if value == 1.0 { "#555555" } else { "#dddddd" };
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"{colour}\"/>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555555\">{value}</text>",
            TOP - 6.0,
            TOP - 10.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555555\">\
         time relative to {} (shorter is faster)</text>",
        LABEL_WIDTH + PLOT_WIDTH / 2.0,
        bottom + 20.0,
        escaped(first)
    );
}

fn draw_group(svg: &mut String, group: &Group<'_>, top: f64) {
    let middle = top + group.bars.len() as f64 * BAR_HEIGHT / 2.0 + 4.0;
    let label_end = LABEL_WIDTH - 8.0;
    let label = escaped(group.label);
    let _ =
        writeln!(svg, "<text x=\"{label_end}\" y=\"{middle}\" text-anchor=\"end\">{label}</text>");
    for (engine, bar) in group.bars.iter().enumerate() {
        let y = top + engine as f64 * BAR_HEIGHT;
        let Some(value) = bar else {
            let _ = writeln!(
                svg,
                "<text x=\"{LABEL_WIDTH}\" y=\"{}\" font-size=\"8\" fill=\"#999999\"> –</text>",
                y + BAR_HEIGHT - 2.0
            );
            continue;
        };
        let length = value.min(MOST) / MOST * PLOT_WIDTH;
        let colour = COLOURS[engine % COLOURS.len()];
        let _ = writeln!(
            svg,
            "<rect x=\"{LABEL_WIDTH}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{}\" \
             fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"8\">{value:.2}</text>",
            BAR_HEIGHT - 1.0,
            LABEL_WIDTH + length + 3.0,
            y + BAR_HEIGHT - 2.0
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
