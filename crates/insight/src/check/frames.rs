//! Call stacks in words.

use lineal::{Moment, Origin, Site};

use super::finding::Frame;

/// The frames of a list of sites, innermost first. An instruction in a function that was inlined
/// has several.
pub(crate) fn frames(moment: &Moment<'_>, sites: &[Site]) -> Vec<Frame> {
    sites.iter().flat_map(|&site| frames_of(moment, site)).collect()
}

fn frames_of(moment: &Moment<'_>, site: Site) -> Vec<Frame> {
    let frame = match moment.origin(site) {
        Origin::Instruction(frame) => frame,
        origin => return vec![Frame { function: origin.to_string(), ..Frame::default() }],
    };
    let plain =
        frame.func_name().map_or_else(|| format!("func[{}]", frame.func_index()), str::to_owned);
    let offset = frame.module_offset();
    // What tools print is worth reading debug information for, whatever the configuration says.
    let symbols = offset.map_or_else(Vec::new, |offset| frame.module().symbolize(offset));
    let mut frames: Vec<Frame> = symbols
        .iter()
        .map(|symbol| Frame {
            function: symbol.name().map_or_else(|| plain.clone(), str::to_owned),
            file: symbol.file().map(str::to_owned),
            line: symbol.line(),
            column: symbol.column(),
            offset: None,
        })
        .collect();
    if frames.is_empty() {
        frames.push(Frame { function: plain, ..Frame::default() });
    }
    if let Some(innermost) = frames.first_mut() {
        innermost.offset = offset.map(|offset| offset as u64);
    }
    frames
}
