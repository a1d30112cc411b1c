//! Every request to Toxiproxy that a plan makes, in order. Nothing is sent.

use std::fmt::Write;
use std::time::Duration;

use crate::fault::toxic::{Toxic, ToxicKind};
use crate::lease::leased_toxic::LeasedToxic;
use crate::lease::{Lease, RunId};
use crate::plan::Plan;
use crate::plan::reconcile::{Change, changes};
use crate::text::format_duration;
use crate::text::wrap::wrapped;
use crate::toxiproxy::{ApiPath, Power, power_body, toxic_body};

const NEGATIVE: &str = "a negative latency: Toxiproxy delays each chunk of bytes by a random time within latency ± jitter. \
    A chunk with a time below 0 passes at once, and the toxics after it delay it by that much less. So some chunks \
    arrive late, as after a lost packet, and the others on time";
/// After so many changes, a flap only repeats itself.
const MOST_CHANGES: usize = 12;

pub(crate) fn requests(text: &mut String, plan: &Plan) {
    let mut on: Vec<LeasedToxic> = Vec::new();
    let mut named = 0;
    let mut moment = Some(Duration::ZERO);
    let mut shown = 0;
    let mut negative = false;
    while let Some(elapsed) = moment {
        if shown == MOST_CHANGES {
            text.push_str("and so on\n");
            break;
        }
        let wanted = plan.desired_toxics(elapsed);
        negative |= wanted.iter().flat_map(|wanted| &wanted.toxics).any(is_negative);
        let due = changes(&on, &wanted);
        if !due.is_empty() {
            let _ = writeln!(text, "{} into testing", format_duration(elapsed));
            shown += 1;
        }
        for change in due {
            match change {
                Change::Remove(step) => {
                    remove(text, &step);
                    on.retain(|other| other.lease != step.lease);
                }
                Change::Update(step) => {
                    let (name, server) = (name(&step), &step.server);
                    let body = toxic_body(&name, &step.toxic);
                    let _ = writeln!(text, "  POST {} {body}", ApiPath::Toxic(server, &name));
                    if let Some(old) = on.iter_mut().find(|other| other.lease == step.lease) {
                        *old = step;
                    }
                }
                Change::Add { fault, server, toxic } => {
                    let step = LeasedToxic { server, lease: lease(named), toxic, fault };
                    named += 1;
                    add(text, &step);
                    on.push(step);
                }
            }
        }
        moment = plan.next_change(elapsed);
    }
    let _ = writeln!(text, "at the end of testing");
    // After the last change shown. Later changes of a flap differ only in names.
    on.iter().rev().for_each(|step| remove(text, step));
    if on.is_empty() {
        text.push_str("  nothing is left to remove\n");
    }
    if negative {
        let _ = writeln!(text, "\n{}", wrapped(NEGATIVE, ""));
    }
}

fn add(text: &mut String, step: &LeasedToxic) {
    let (name, server) = (name(step), &step.server);
    let _ = writeln!(text, "  POST {} {}", ApiPath::Toxics(server), toxic_body(&name, &step.toxic));
    if is_marker(&step.toxic) {
        let _ = writeln!(text, "  POST {} {}", ApiPath::Proxy(server), power_body(Power::Disabled));
    }
}

fn remove(text: &mut String, step: &LeasedToxic) {
    let (name, server) = (name(step), &step.server);
    if is_marker(&step.toxic) {
        let _ = writeln!(text, "  POST {} {}", ApiPath::Proxy(server), power_body(Power::Enabled));
    }
    let _ = writeln!(text, "  DELETE {}", ApiPath::Toxic(server, &name));
}

fn is_negative(toxic: &Toxic) -> bool {
    matches!(toxic.kind, ToxicKind::Latency { latency, .. } if latency < 0)
}

fn is_marker(toxic: &Toxic) -> bool {
    toxic.kind == ToxicKind::Marker
}

fn lease(step: u32) -> Lease {
    Lease { run: RunId::new(0, 0), step, deadline: 0 }
}

/// As in a run, with words for the parts that only a run knows.
fn name(step: &LeasedToxic) -> String {
    format!("rl.RUN.{}.DEADLINE", step.lease.step)
}
