//! The steps, of which any that is possible may be the next.

use crate::{
    BOUND, CLIENTS, CURRENT_FOR, INSTANCES, LOGINS, Login, MAX_STALENESS, MESSAGE_DELAY, State,
    System, database::Revocation, instance::Instance,
};

/// A step of one part of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Time passes.
    Tick,
    /// A transaction that ends this login takes its number.
    BeginEnd(usize),
    /// The standby receives that transaction, which waits for it.
    ReplicateEnd(usize),
    /// The transaction is committed and acknowledged.
    CommitEnd(usize),
    /// The standby receives what was committed and acknowledged before.
    Replicate,
    /// The primary is lost, and the standby takes its place.
    FailOver,
    /// A backup from before all ends takes the place of the database; both instances are started again.
    Restore,
    /// This instance is killed, and started again.
    Restart(usize),
    /// This instance reads the log.
    Poll(usize),
    /// This instance reads the log of the primary from before the failover.
    PollDemoted(usize),
    /// web-service opens a stream to this instance, which reads the log before.
    Connect(usize),
    /// The instance sends a message on the stream.
    Send,
    /// web-service receives it.
    Receive,
    /// web-service is suspended.
    Stop,
    /// web-service is resumed.
    Resume,
    /// This client refreshes, with a comparison of the generation.
    Refresh(usize),
    /// This client reads the generation, to change it later without a comparison.
    ReadGeneration(usize),
    /// This client changes the generation that it has read.
    WriteGeneration(usize),
}

impl System {
    /// The steps that are possible in a state.
    pub(crate) fn steps(&self, state: &State) -> Vec<Step> {
        let mut steps = vec![Step::Tick];
        self.ends(state, &mut steps);
        self.streams(state, &mut steps);
        if self.events.refreshes {
            self.refreshes(state, &mut steps);
        }
        if self.events.failover && !state.has_failed_over {
            steps.push(Step::FailOver);
            if !self.safeguards.synchronous_standby {
                steps.push(Step::Replicate);
            }
        }
        if self.events.restore && !state.has_restored {
            steps.push(Step::Restore);
        }
        if self.events.stops {
            let is_stopped = state.web.is_stopped;
            steps.push(if is_stopped { Step::Resume } else { Step::Stop });
        }
        steps
    }

    fn ends(&self, state: &State, steps: &mut Vec<Step>) {
        let is_locked = self.is_locked(state);
        for login in 0..LOGINS {
            match state.logins[login] {
                Login::Live if !is_locked => steps.push(Step::BeginEnd(login)),
                Login::Ending(number) if self.is_replicated(state, number) => {
                    steps.push(Step::CommitEnd(login));
                }
                Login::Ending(_) => steps.push(Step::ReplicateEnd(login)),
                _ => {}
            }
        }
    }

    /// Whether a transaction has taken a number under the lock, and is not committed.
    fn is_locked(&self, state: &State) -> bool {
        let mut logins = state.logins.iter();
        self.safeguards.numbers_under_lock && logins.any(|login| matches!(login, Login::Ending(_)))
    }

    /// Whether the commit of this number need not wait for the standby.
    fn is_replicated(&self, state: &State, number: u8) -> bool {
        !self.safeguards.synchronous_standby
            || state.has_failed_over
            || state.standby.log.iter().any(|entry| entry.number == number)
    }

    fn streams(&self, state: &State, steps: &mut Vec<Step>) {
        for instance in 0..INSTANCES {
            steps.push(Step::Poll(instance));
            steps.push(Step::Restart(instance));
            if !state.web.is_stopped {
                steps.push(Step::Connect(instance));
            }
            if state.demoted.is_some() {
                steps.push(Step::PollDemoted(instance));
            }
        }
        if let Some(stream) = state.web.stream {
            let sender = &state.instances[stream.instance];
            match stream.message {
                Some(_) if state.web.is_stopped => {}
                Some(_) => steps.push(Step::Receive),
                None if sender.is_current() || !self.safeguards.current_streams => {
                    steps.push(Step::Send);
                }
                None => {}
            }
        }
    }

    fn refreshes(&self, state: &State, steps: &mut Vec<Step>) {
        for client in 0..CLIENTS {
            if state.readers[client] {
                steps.push(Step::WriteGeneration(client));
            } else if !state.primary.is_refreshed && !state.primary.has_ended_all {
                let compares = self.safeguards.compare_and_set;
                steps.push(if compares {
                    Step::Refresh(client)
                } else {
                    Step::ReadGeneration(client)
                });
            }
        }
    }

    /// Changes a state by a step that is possible in it.
    pub(crate) fn apply(&self, state: &mut State, step: Step) {
        match step {
            Step::Tick => state.tick(),
            Step::BeginEnd(login) => {
                state.logins[login] = Login::Ending(state.primary.take_number());
            }
            Step::ReplicateEnd(login) => {
                if let Some(entry) = state.ending(login) {
                    state.standby.append(entry);
                }
            }
            Step::CommitEnd(login) => {
                if let Some(entry) = state.ending(login) {
                    state.primary.append(entry);
                    state.logins[login] = Login::Ended(0);
                }
            }
            Step::Replicate => state.standby.clone_from(&state.primary),
            Step::FailOver => self.fail_over(state),
            Step::Restore => {
                state.has_restored = true;
                state.lose_transactions();
                state.primary = state.primary.restored(self.safeguards);
                (0..INSTANCES).for_each(|instance| state.restart(instance));
            }
            Step::Restart(instance) => state.restart(instance),
            Step::Poll(instance) => self.poll(state, instance),
            Step::PollDemoted(instance) => {
                if let Some(demoted) = &state.demoted {
                    state.instances[instance].poll(demoted);
                }
            }
            Step::Connect(number) => {
                self.poll(state, number);
                state.web.connect(number, &state.instances[number]);
            }
            Step::Send => {
                if let Some(stream) = &mut state.web.stream {
                    stream.send(&state.instances[stream.instance]);
                }
            }
            Step::Receive => state.web.receive(),
            Step::Stop => state.web.is_stopped = true,
            Step::Resume => state.web.resume(self.safeguards),
            Step::Refresh(_) => self.refresh(state),
            Step::ReadGeneration(client) => state.readers[client] = true,
            Step::WriteGeneration(client) => {
                state.readers[client] = false;
                self.refresh(state);
            }
        }
    }

    /// Reads the log, after the ends were written back that a promoted server lacks.
    fn poll(&self, state: &mut State, instance: usize) {
        let mut lost = state.instances[instance].lost(&state.primary);
        lost.retain(|_| self.safeguards.write_back);
        if !lost.is_empty() && self.is_locked(state) {
            // It waits for the lock of the numbers, and has not read.
            return;
        }
        for login in lost {
            let number = state.primary.take_number();
            state.primary.append(Revocation { number, login });
            state.logins[usize::from(login)] = Login::Ended(0);
        }
        let reader = &mut state.instances[instance];
        reader.timeline = state.primary.timeline;
        reader.poll(&state.primary);
    }

    fn refresh(&self, state: &mut State) {
        state.primary.is_refreshed = true;
        state.standby.is_refreshed |= self.safeguards.synchronous_standby;
        state.successors += 1;
    }

    fn fail_over(&self, state: &mut State) {
        state.has_failed_over = true;
        state.lose_transactions();
        let mut promoted = std::mem::take(&mut state.standby);
        promoted.promote(self.safeguards);
        for (login, number) in state.logins.iter_mut().zip(0..) {
            if matches!(login, Login::Ended(_)) && promoted.is_live(number) {
                let is_known = state.instances.iter().any(|one| one.knows(number));
                *login = if is_known {
                    Login::Remembered
                } else {
                    Login::Lost
                };
            }
        }
        let demoted = std::mem::replace(&mut state.primary, promoted);
        if !self.safeguards.writable_server {
            state.demoted = Some(demoted);
        }
    }
}

impl State {
    fn tick(&mut self) {
        for login in &mut self.logins {
            if let Login::Ended(age) = login {
                *age = BOUND.min(*age) + 1;
            }
        }
        for instance in &mut self.instances {
            instance.age = CURRENT_FOR.min(instance.age) + 1;
        }
        self.web.age = MAX_STALENESS.min(self.web.age) + 1;
        if let Some(message) = self
            .web
            .stream
            .as_mut()
            .and_then(|stream| stream.message.as_mut())
        {
            message.age = MESSAGE_DELAY.min(message.age) + 1;
            // The system accepts for a suspended reader what its buffer has room for.
            if message.age > MESSAGE_DELAY && !self.web.is_stopped {
                self.web.stream = None;
            }
        }
    }

    fn lose_transactions(&mut self) {
        for login in &mut self.logins {
            if matches!(login, Login::Ending(_)) {
                *login = Login::Unclear;
            }
        }
    }

    /// The entry of the transaction that ends a login.
    fn ending(&self, login: usize) -> Option<Revocation> {
        match (self.logins[login], u8::try_from(login)) {
            (Login::Ending(number), Ok(login)) => Some(Revocation { number, login }),
            _ => None,
        }
    }

    fn restart(&mut self, instance: usize) {
        self.instances[instance] = Instance::start(&self.primary);
        for (login, number) in self.logins.iter_mut().zip(0..) {
            let is_known = self.instances.iter().any(|one| one.knows(number));
            if *login == Login::Remembered && !is_known {
                *login = Login::Lost;
            }
        }
        if self
            .web
            .stream
            .is_some_and(|stream| stream.instance == instance)
        {
            self.web.stream = None;
        }
    }
}
