//! The agent of a resource, chosen by the name of its type, and the entry points that all agents have.
//!
//! A type that is unknown, or whose agent is not installed here, reads "not defined here": a resource is started only
//! by its agent, so it cannot have been started here. Somebody may have started the same thing by hand, by other
//! means; no agent could tell, and a server without the agent would hold the group for ever if it read Unknown.

use super::{
    builtin::Builtin,
    machine::Call,
    ocf::Ocf,
    permission::admit,
    result::{ActionResult, MonitorResult},
    script::Script,
    secrets::given,
    systemd::Unit,
};
use tenure_core::{ForeignLines, ForeignText, Power, execution::Answer};

/// The agent of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Contract {
    /// `ocf:PROVIDER:TYPE`.
    Ocf(Ocf),
    /// `script:TYPE`.
    Script(Script),
    /// `systemd:UNIT`.
    Systemd(Unit),
    /// A built-in agent.
    Builtin(Builtin),
    /// No agent: why.
    Nobody(String),
}

/// The forms of a type, for messages.
pub(crate) const FORMS: &str =
    "ocf:PROVIDER:TYPE, script:TYPE, systemd:UNIT, Application, Process, FileOnOff or FileNone";

impl Contract {
    /// The agent for a type.
    pub(crate) fn of(agent: &str) -> Self {
        let plain = |name: &str| {
            !name.is_empty() && !name.starts_with('.') && !name.contains('/') && !name.contains(char::is_whitespace)
        };
        let nobody = || Contract::Nobody(format!("there is no type {agent}: a type is {FORMS}"));
        match agent.split_once(':') {
            Some(("ocf", rest)) => match rest.split_once(':') {
                Some((provider, kind)) if plain(provider) && plain(kind) => Contract::Ocf(Ocf::new(provider, kind)),
                Some(_) | None => nobody(),
            },
            Some(("script", kind)) if plain(kind) => Contract::Script(Script::new(kind)),
            Some(("systemd", unit)) if plain(unit) => Contract::Systemd(Unit::new(Some(unit))),
            None if agent == "systemd" => Contract::Systemd(Unit::new(None)),
            None => Builtin::of(agent).map_or_else(nobody, Contract::Builtin),
            Some(_) => nobody(),
        }
    }

    /// Looks at the resource. Without a secret that it needs, nothing is known about it.
    pub(crate) async fn monitor(&self, call: &Call<'_>, depth: Option<&str>) -> MonitorResult {
        let account = match admit(call, self).await {
            Ok(account) => account,
            Err(denied) => return denied.look(call.probe),
        };
        let looked = given(call, async |call| match self {
            Contract::Ocf(ocf) => ocf.monitor(call, depth).await,
            Contract::Script(script) => script.monitor(call, depth).await,
            Contract::Systemd(unit) => unit.monitor(call).await,
            Contract::Builtin(builtin) => builtin.monitor(call, account.as_ref()).await,
            Contract::Nobody(why) => MonitorResult::new(Power::Absent, why.as_str()),
        });
        match looked.await {
            Ok((look, secrets)) => MonitorResult { said: secrets.hide(look.said), ..look },
            Err(why) => MonitorResult::unknown(why),
        }
    }

    pub(crate) async fn start(&self, call: &Call<'_>) -> ActionResult {
        let account = match admit(call, self).await {
            Ok(account) => account,
            Err(denied) => return denied.refusal(),
        };
        let started = async |call: &Call<'_>| match self {
            Contract::Ocf(ocf) => ocf.act(call, "start").await,
            Contract::Script(script) => script.online(call).await,
            Contract::Systemd(unit) => unit.tell(call, "start").await,
            Contract::Builtin(builtin) => builtin.start(call, account.as_ref()).await,
            Contract::Nobody(why) => ActionResult::refused(why.as_str()),
        };
        operation(call, started).await
    }

    pub(crate) async fn stop(&self, call: &Call<'_>) -> ActionResult {
        let account = match admit(call, self).await {
            Ok(account) => account,
            Err(denied) => return denied.refusal(),
        };
        let stopped = async |call: &Call<'_>| match self {
            Contract::Ocf(ocf) => ocf.act(call, "stop").await,
            Contract::Script(script) => script.offline(call).await,
            Contract::Systemd(unit) => unit.tell(call, "stop").await,
            Contract::Builtin(builtin) => builtin.stop(call, account.as_ref()).await,
            Contract::Nobody(why) => ActionResult::refused(why.as_str()),
        };
        operation(call, stopped).await
    }

    /// Stops it by force; `reason` as VCS numbers the reasons of a clean.
    pub(crate) async fn clean(&self, call: &Call<'_>, reason: u8) -> ActionResult {
        let account = match admit(call, self).await {
            Ok(account) => account,
            Err(denied) => return denied.refusal(),
        };
        let cleaned = async |call: &Call<'_>| match self {
            Contract::Ocf(ocf) => ocf.act(call, "stop").await,
            Contract::Script(script) => script.clean(call, reason).await,
            Contract::Systemd(unit) => unit.clean(call).await,
            Contract::Builtin(builtin) => builtin.clean(call, account.as_ref()).await,
            Contract::Nobody(why) => ActionResult::refused(why.as_str()),
        };
        operation(call, cleaned).await
    }

    /// Runs another action of its agent.
    pub(crate) async fn action(
        &self,
        call: &Call<'_>,
        token: &str,
        arguments: &[String],
    ) -> Result<ForeignLines, ForeignText> {
        admit(call, self).await.map_err(|denied| denied.words())?;
        let acted = async |call: &Call<'_>| match self {
            Contract::Ocf(ocf) => ocf.action(call, token).await,
            Contract::Script(script) => script.action(call, token, arguments).await,
            Contract::Systemd(unit) => unit.action(call, token).await,
            Contract::Builtin(builtin) => Err(format!("{} has no actions", builtin.name()).into()),
            Contract::Nobody(why) => Err(why.clone().into()),
        };
        told(call, acted).await
    }

    /// The agent's description of the resource, for people.
    pub(crate) async fn info(&self, call: &Call<'_>) -> Result<ForeignLines, ForeignText> {
        admit(call, self).await.map_err(|denied| denied.words())?;
        let described = async |call: &Call<'_>| match self {
            Contract::Script(script) => script.info(call).await,
            Contract::Systemd(unit) => unit.info(call).await,
            Contract::Ocf(_) => Err("OCF resource agents tell nothing besides their state".into()),
            Contract::Builtin(builtin) => Err(format!("{} tells nothing besides its state", builtin.name()).into()),
            Contract::Nobody(why) => Err(why.clone().into()),
        };
        told(call, described).await
    }

    /// Called before the first other entry point.
    pub(crate) async fn open(&self, call: &Call<'_>) {
        self.notice(call, "open", &[]).await;
    }

    /// Called last, when the resource is no longer managed here.
    pub(crate) async fn close(&self, call: &Call<'_>) {
        self.notice(call, "close", &[]).await;
    }

    /// Called when the value of an attribute has changed.
    pub(crate) async fn changed(&self, call: &Call<'_>, attribute: &str) {
        // The value as it is written, also of a secret: its agent is given the secret itself among all attributes.
        let value = call.spec.attributes.get(attribute).cloned().unwrap_or_default();
        let words = [call.spec.resource.to_string(), attribute.to_owned(), value];
        self.notice(call, "attr_changed", &words).await;
    }

    async fn notice(&self, call: &Call<'_>, entry: &str, words: &[String]) {
        let Contract::Script(script) = self else { return };
        // A denied one is reported by the look that follows.
        if admit(call, self).await.is_err() {
            return;
        }
        if let Err(why) = given(call, async |call| script.notice(call, entry, words).await).await {
            tracing::warn!(resource = %call.spec.resource, entry, why, "its agent is not told");
        }
    }
}

/// Runs a start, a stop or a clean with the secrets that it needs. Without one of them nothing is run.
async fn operation(call: &Call<'_>, work: impl AsyncFnOnce(&Call<'_>) -> ActionResult) -> ActionResult {
    let (result, secrets) = match given(call, work).await {
        Ok(done) => done,
        Err(why) => return ActionResult::refused(why),
    };
    let answer = match result.answer {
        Answer::Refused(why) => Answer::Refused(secrets.hide(why)),
        Answer::NotSent(why) => Answer::NotSent(secrets.hide(why)),
        Answer::Unknown(why) => Answer::Unknown(secrets.hide(why)),
        other => other,
    };
    ActionResult { answer, ..result }
}

/// Has the agent tell something, with the secrets that it needs.
async fn told(
    call: &Call<'_>,
    work: impl AsyncFnOnce(&Call<'_>) -> Result<ForeignLines, ForeignText>,
) -> Result<ForeignLines, ForeignText> {
    let (said, secrets) = given(call, work).await?;
    match said {
        Ok(lines) => Ok(secrets.hide(lines)),
        Err(why) => Err(secrets.hide(why)),
    }
}
