//! The role of an outcome source: how leads stand, and the opportunities they became.

mod position;
mod read;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{Batch, Checkpoint, ConnectorError, ErrorKind, LeadId, Outcome, OutcomeSource};

use crate::api::Api;
use crate::config::Settings;
use crate::connection::Failure;
use crate::describe::Schema;
use crate::soql::{lists, moment};
use position::{Pass, Phase, Position, Walk};
use read::{Meaning, Members, WatchedLead, deleted_deal, parent, short, text};

/// Rows Salesforce gives at once, at most.
const PAGE: usize = 2_000;
/// Pages without a word for us, before the checkpoint is handed over.
const PAGES_AT_ONCE: usize = 25;
/// Merges of merges of merges.
const HOPS: usize = 5;

/// The role.
pub(crate) struct Watch {
    api: Arc<Api>,
    opportunities: Schema,
    key_field: String,
    meaning: Meaning,
    overlap: TimeDelta,
    deleted_every: TimeDelta,
    amount_field: String,
    reason_field: Option<String>,
}

/// A page was the last of its walk.
type IsLast = bool;

impl Watch {
    pub(crate) fn new(api: &Arc<Api>, settings: &Settings) -> Self {
        let own = &settings.outcomes;
        let span = |time| TimeDelta::from_std(time).unwrap_or(TimeDelta::minutes(10));
        Self {
            api: Arc::clone(api),
            opportunities: Schema::new(Arc::clone(api), "Opportunity", settings.describe_every),
            key_field: settings.key_field.clone(),
            meaning: Meaning::new(own),
            overlap: span(own.overlap),
            deleted_every: span(own.deleted_every),
            amount_field: own.amount_field.clone(),
            reason_field: own.reason_field.clone(),
        }
    }

    /// Whether somebody has said what this lead status means.
    pub(crate) fn knows(&self, status: &str) -> bool {
        self.meaning.knows(status)
    }

    async fn leads(
        &self,
        position: &mut Position,
        limit: usize,
    ) -> Result<(Vec<Outcome>, IsLast), ConnectorError> {
        let pass = position.leads.pass(self.api.clock.now(), self.overlap).clone();
        let soql = format!(
            "SELECT {} FROM Lead WHERE {}{} ORDER BY SystemModstamp, Id LIMIT {limit}",
            self.lead_fields(),
            position.ours(&self.key_field),
            and(&pass, "SystemModstamp"),
        );
        let page = self
            .api
            .query_all::<Members>(&soql, "watch leads")
            .await
            .map_err(clarified)?;
        let rows = self.watched(&page.records).await?;
        let last = rows.last().map(|row| (row.changed_at, row.id.clone()));
        let is_last = turn(
            &mut position.leads,
            page.at,
            last,
            page.done && page.records.len() < limit,
        );
        let mut outcomes = Vec::new();
        let mut masters = BTreeSet::new();
        for row in &rows {
            self.stands(row, position, &mut masters, &mut outcomes);
        }
        self.survivors(position, masters, &mut outcomes).await?;
        Ok((outcomes, is_last))
    }

    /// Who changes what is read raises [`position::FIELDS`].
    fn lead_fields(&self) -> String {
        let mut fields = format!(
            "Id, {}, Status, IsConverted, IsDeleted, MasterRecordId, OwnerId, CreatedById, SystemModstamp",
            self.key_field
        );
        for name in self.meaning.lead_fields() {
            fields.push_str(", ");
            fields.push_str(name);
        }
        fields
    }

    async fn watched(&self, records: &[Members]) -> Result<Vec<WatchedLead>, ConnectorError> {
        let us = self.api.pass().await?.user;
        let rows = records.iter();
        let rows = rows.filter_map(|row| self.meaning.lead(row, &self.key_field, us.as_deref()));
        Ok(rows.collect())
    }

    /// What a row says of the lead whose key it carries, and of one that was merged into it.
    fn stands(
        &self,
        row: &WatchedLead,
        position: &mut Position,
        masters: &mut BTreeSet<String>,
        outcomes: &mut Vec<Outcome>,
    ) {
        for lead in leads_of(&row.id, row.lead, position) {
            outcomes.push(self.meaning.outcome(row, lead));
            if let Some(master) = row.master.as_ref().filter(|_| row.is_deleted) {
                position.follow(short(master), lead);
                masters.insert(master.clone());
            }
        }
    }

    /// A merged lead stands as the record it was merged into.
    async fn survivors(
        &self,
        position: &mut Position,
        mut masters: BTreeSet<String>,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), ConnectorError> {
        for _ in 0..HOPS {
            let mut next = BTreeSet::new();
            for list in lists(&masters) {
                let soql = format!("SELECT {} FROM Lead WHERE Id IN {list}", self.lead_fields());
                let page = self.api.query_all::<Members>(&soql, "watch merged leads").await?;
                for row in &self.watched(&page.records).await? {
                    self.stands(row, position, &mut next, outcomes);
                }
            }
            if next.is_empty() {
                break;
            }
            masters = next;
        }
        Ok(())
    }

    async fn deals(
        &self,
        position: &mut Position,
        limit: usize,
    ) -> Result<(Vec<Outcome>, IsLast), ConnectorError> {
        let pass = position.deals.pass(self.api.clock.now(), self.overlap).clone();
        let stamp = "ConvertedOpportunity.SystemModstamp";
        let soql = format!(
            "SELECT Id, {key}, ConvertedOpportunityId, {fields} FROM Lead WHERE {ours} AND IsConverted = true \
             AND {stamp} != null{and} ORDER BY {stamp}, Id LIMIT {limit}",
            key = self.key_field,
            fields = self.deal_fields().await?,
            ours = position.ours(&self.key_field),
            and = and(&pass, stamp),
        );
        let page = self
            .api
            .query::<Members>(&soql, "watch opportunities")
            .await
            .map_err(clarified)?;
        let us = self.api.pass().await?.user;
        let mut outcomes = Vec::new();
        let mut last = None;
        for row in &page.records {
            let (Some(id), Some(deal)) = (text(row, "Id"), text(row, "ConvertedOpportunityId")) else {
                continue;
            };
            let Some(opportunity) = parent(row, "ConvertedOpportunity") else {
                continue;
            };
            let key = text(row, &self.key_field).and_then(|key| key.parse().ok());
            for lead in leads_of(&id, key, position) {
                outcomes.extend(self.meaning.deal(&opportunity, &deal, lead, us.as_deref()));
            }
            if let Some(at) = text(&opportunity, "SystemModstamp").and_then(|at| moment(&at)) {
                last = Some((at, id));
            }
        }
        let is_last = turn(
            &mut position.deals,
            page.at,
            last,
            page.done && page.records.len() < limit,
        );
        Ok((outcomes, is_last))
    }

    /// `CurrencyIsoCode` exists only where there are several currencies (contract salesforce 11).
    async fn deal_fields(&self) -> Result<String, ConnectorError> {
        let opportunity = self.opportunities.get().await?;
        let mut names = vec![
            "IsClosed",
            "IsWon",
            "StageName",
            "CloseDate",
            "OwnerId",
            "CreatedById",
            "SystemModstamp",
        ];
        let optional = [Some("CurrencyIsoCode"), Some(self.amount_field.as_str())];
        names.extend(
            optional
                .into_iter()
                .flatten()
                .filter(|name| opportunity.field(name).is_some()),
        );
        if let Some(reason) = &self.reason_field {
            if opportunity.field(reason).is_none() {
                self.opportunities.forget();
                let text = format!(
                    "watch opportunities: field {reason} is missing, or hidden from the integration user"
                );
                return Err(ConnectorError::new(ErrorKind::Misconfigured, text)
                    .hint("make the field visible, or correct outcomes.reason_field, then release"));
            }
            names.push(reason);
        }
        let names: Vec<String> = names
            .iter()
            .map(|name| format!("ConvertedOpportunity.{name}"))
            .collect();
        Ok(names.join(", "))
    }

    async fn deleted(
        &self,
        position: &mut Position,
        limit: usize,
    ) -> Result<(Vec<Outcome>, IsLast), ConnectorError> {
        let now = self.api.clock.now();
        // What was deleted before we ever looked was never told of.
        position.deleted.watermark.get_or_insert(now);
        let pass = position.deleted.pass(now, self.overlap).clone();
        let soql = format!(
            "SELECT Id, SystemModstamp FROM Opportunity WHERE IsDeleted = true{} ORDER BY SystemModstamp, Id LIMIT {limit}",
            and(&pass, "SystemModstamp"),
        );
        let page = self
            .api
            .query_all::<Members>(&soql, "watch deleted opportunities")
            .await
            .map_err(clarified)?;
        let outcomes: Vec<Outcome> = page.records.iter().filter_map(deleted_deal).collect();
        let last = outcomes
            .last()
            .map(|outcome| (outcome.changed_at, outcome.record.0.clone()));
        let is_last = turn(
            &mut position.deleted,
            page.at,
            last,
            page.done && page.records.len() < limit,
        );
        if is_last {
            position.deleted_at = Some(now);
        }
        Ok((outcomes, is_last))
    }
}

#[async_trait]
impl OutcomeSource for Watch {
    async fn outcomes(
        &self,
        after: Option<&Checkpoint>,
        limit: usize,
    ) -> Result<Batch<Outcome>, ConnectorError> {
        let mut position = Position::read(after);
        let limit = limit.clamp(1, PAGE);
        let mut items = Vec::new();
        let mut pages = 0;
        loop {
            pages += 1;
            let left = limit.saturating_sub(items.len()).max(1);
            let (page, is_last) = match position.phase {
                Phase::Leads => self.leads(&mut position, left).await?,
                Phase::Deals => self.deals(&mut position, left).await?,
                Phase::Deleted => self.deleted(&mut position, left).await?,
            };
            items.extend(page);
            let ended = is_last && self.next_phase(&mut position);
            if ended || items.len() >= limit || pages >= PAGES_AT_ONCE {
                return Ok(Batch {
                    items,
                    next: Some(position.write()),
                    more: !ended,
                });
            }
        }
    }
}

impl Watch {
    /// Goes on to the next walk; true when there is none.
    fn next_phase(&self, position: &mut Position) -> bool {
        let now = self.api.clock.now();
        let is_due = position
            .deleted_at
            .is_none_or(|at| now - at >= self.deleted_every || now < at);
        position.phase = match position.phase {
            Phase::Leads => Phase::Deals,
            Phase::Deals if is_due => Phase::Deleted,
            Phase::Deals | Phase::Deleted => Phase::Leads,
        };
        position.phase == Phase::Leads
    }
}

fn turn(
    walk: &mut Walk,
    at: Option<DateTime<Utc>>,
    last: Option<(DateTime<Utc>, String)>,
    is_last: bool,
) -> IsLast {
    // A page without a single row that can be read cannot be gone on from.
    let is_last = is_last || last.is_none();
    if let Some(pass) = &mut walk.pass {
        pass.turn(at, last);
    }
    if is_last {
        walk.finish();
    }
    is_last
}

fn and(pass: &Pass, stamp: &str) -> String {
    pass.condition(stamp)
        .map(|condition| format!(" AND {condition}"))
        .unwrap_or_default()
}

/// The lead whose key the record carries, and the one that was merged into it.
fn leads_of(record: &str, key: Option<LeadId>, position: &Position) -> BTreeSet<LeadId> {
    let alias = position.aliases.get(short(record)).copied();
    key.into_iter().chain(alias).collect()
}

/// A query over a field that is not there is nothing a lead can help.
fn clarified(failure: Failure) -> ConnectorError {
    if failure.is("INVALID_FIELD") {
        return ConnectorError::from(failure).hint(
            "run leadsync doctor: the key field, or a field of [settings.outcomes], is missing or hidden",
        );
    }
    failure.into()
}
