//! One SSH connection to an emulated HMC: one key, exec channels only, one command each.

use super::account::Account;
use super::output::Output;
use super::run::run;
use crate::world::{HmcId, LiveWorld};
use russh::keys::PublicKey;
use russh::server::{
    Auth, ChannelOpenHandle, Handle, Handler, Msg, PublicKeyOffer, Response, Session as Ssh, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Maximum number of channels of one connection.
const CHANNEL_LIMIT: usize = 10;

/// Number of the standard error stream in channel data.
const STDERR: u32 = 1;

/// State shared by all connections to one HMC.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) world: LiveWorld,
    pub(super) hmc: HmcId,
    pub(super) account: Mutex<Account>,
    /// Permits of running commands, including those of vanished clients.
    pub(super) commands: Arc<Semaphore>,
    /// Number of commands received, ever.
    pub(super) asked: AtomicU64,
}

impl Shared {
    pub(super) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct Session {
    shared: Arc<Shared>,
    /// Permits of channels.
    room: Arc<Semaphore>,
    /// Channels without a command so far.
    idle: BTreeMap<ChannelId, OwnedSemaphorePermit>,
    /// The last locale sent, as the beginning of a command line.
    environment: String,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Session {
            shared,
            room: Arc::new(Semaphore::new(CHANNEL_LIMIT)),
            idle: BTreeMap::new(),
            environment: String::new(),
        }
    }

    fn offer(&self, user: &str, key: &PublicKey) -> Auth {
        if self.shared.account().offer(Instant::now(), user, key) { Auth::Accept } else { Auth::reject() }
    }

    fn fail(&self) -> Auth {
        self.shared.account().fail(Instant::now());
        Auth::reject()
    }
}

impl Handler for Session {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        Ok(self.shared.account().notice(Instant::now()))
    }

    async fn auth_password(&mut self, _user: &str, _password: &str) -> Result<Auth, Self::Error> {
        Ok(self.fail())
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        _response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.fail())
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(self.offer(user, offer.public_key))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let accepted = self.shared.account().let_in(Instant::now(), user, key.public_key);
        Ok(if accepted { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Ssh,
    ) -> Result<(), Self::Error> {
        match self.room.clone().try_acquire_owned() {
            Ok(permit) => {
                self.idle.insert(channel.id(), permit);
                reply.accept().await;
            }
            Err(_) => reply.reject(ChannelOpenFailure::ResourceShortage).await,
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Ssh) -> Result<(), Self::Error> {
        // Not called for a channel that this side closed first, which is the usual way for one with a command.
        self.idle.remove(&channel);
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Ssh,
    ) -> Result<(), Self::Error> {
        if name == "LC_ALL" || name == "LANG" {
            let plain = |c: char| c.is_ascii_alphanumeric() || ".-_@".contains(c);
            self.environment = if value.chars().all(plain) { format!("{name}={value} ") } else { String::new() };
        }
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Ssh) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Ssh,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn exec_request(&mut self, channel: ChannelId, data: &[u8], session: &mut Ssh) -> Result<(), Self::Error> {
        let Ok(permit) = self.shared.commands.clone().try_acquire_owned() else {
            return session.channel_failure(channel);
        };
        self.shared.asked.fetch_add(1, Ordering::Relaxed);
        session.channel_success(channel)?;
        let room = self.idle.remove(&channel);
        let line = self.environment.clone() + &String::from_utf8_lossy(data);
        let (shared, handle) = (self.shared.clone(), session.handle());
        // In its own task, so that a client that disconnects does not revoke its command. It ends by itself: every
        // stage of a command has an end.
        tokio::spawn(async move {
            let output = run(&shared.world, shared.hmc, &line).await;
            drop(permit);
            // An error means that the client has gone, which does not matter here.
            let _ = send(&handle, channel, output).await;
            drop(room);
        });
        Ok(())
    }
}

/// Sends an answer and closes the channel; a lost one closes it without an exit status.
async fn send(handle: &Handle, channel: ChannelId, output: Option<Output>) -> Result<(), ()> {
    if let Some(output) = output {
        if !output.stdout.is_empty() {
            handle.data(channel, output.stdout.into_bytes()).await.map_err(|_| ())?;
        }
        if !output.stderr.is_empty() {
            handle.extended_data(channel, STDERR, output.stderr.into_bytes()).await.map_err(|_| ())?;
        }
        handle.exit_status_request(channel, output.status).await?;
        handle.eof(channel).await?;
    }
    handle.close(channel).await
}
