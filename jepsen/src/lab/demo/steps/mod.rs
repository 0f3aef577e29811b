//! The steps of the story, in order.

mod crash;
mod cut;
mod form;
mod leader;
mod management;
mod power;
mod processor;
mod returned;

use super::story::{Missed, Story, Told};

/// Title and expected result of each step.
pub const STEPS: [(&str, &str); 8] = [
    (
        "A cluster forms",
        "Three nodes found a cluster and elect a leader. Every LPAR is read on every server before any is started; then \
         each group is granted to one server and started there.",
    ),
    (
        "An LPAR crashes, and crashes again",
        "Once it is restarted in place; past its limit its group moves, with a proof.",
    ),
    (
        "A physical server goes off",
        "Its service processor lives and says so. It is powered off for certain and read back; its groups move in order \
         of priority, each with that proof. Then the same with the server of the leader.",
    ),
    (
        "A management LPAR dies while its server runs",
        "Silence of a node is not death of its server: nothing moves, another node watches in its place, and an LPAR that \
         crashes meanwhile is restarted.",
    ),
    (
        "A node is cut off from the others",
        "Nothing moves. Its lease ends and it acts no more; a surrogate acts for it. Healed, it catches up.",
    ),
    ("The leader is killed", "Another one leads; what was acknowledged is still there, and work goes on."),
    (
        "A physical server loses all its power",
        "Its service processor is gone with it, and the HMC reads No Connection: nothing proves that the server is off, so \
         its groups wait and say why. An operator who has looked confirms; then they move.",
    ),
    (
        "A powered-off server returns, dirty",
        "It starts an LPAR by itself. That is stopped before anything else happens there; then the server takes work again.",
    ),
];

/// Number of repetitions of the measured parts.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Losses of a server in step 3, for each of its two kinds.
    pub losses: usize,
}

/// Runs the whole story. Returns the number of successful steps.
pub async fn tell(story: &Story, pace: Pace) -> usize {
    let mut good = 0;
    for (number, (title, expected)) in (1..).zip(STEPS) {
        story.timeline.begin(story.now(), number, title, expected);
        let told = step(story, number, pace).await;
        // Step 7 leaves a server off for step 8.
        let mended = if number == 7 && told.is_ok() { Ok(()) } else { story.mend().await };
        good += usize::from(told.is_ok() && mended.is_ok());
        if mended.is_err() {
            // Without this, all further steps would be meaningless.
            break;
        }
    }
    good
}

async fn step(story: &Story, number: usize, pace: Pace) -> Told {
    match number {
        1 => form::tell(story).await,
        2 => crash::tell(story).await,
        3 => power::tell(story, pace.losses).await,
        4 => management::tell(story).await,
        5 => cut::tell(story).await,
        6 => leader::tell(story).await,
        7 => processor::tell(story).await,
        8 => returned::tell(story).await,
        _ => Err(Missed),
    }
}
