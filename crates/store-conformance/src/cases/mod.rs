//! The cases, one file for each port.

mod accounts;
mod audit;
mod authentications;
mod clients;
mod clock;
mod consents;
mod credentials;
mod grants;
mod keys;
mod known_locations;
mod leases;
mod logins;
mod logout_deliveries;
mod maintenance;
mod passkeys;
mod revocations;
mod signals;
mod trusted_browsers;

use crate::{Case, fixture::Fixture};

/// Declares [`CASES`] and the macro that makes a test of each case, from one list.
macro_rules! cases {
    ($d:tt $($module:ident { $($case:ident,)+ })+) => {
        /// All cases.
        pub const CASES: &[Case] = &[$($(Case {
            name: concat!(stringify!($module), "::", stringify!($case)),
            run: |subject| Box::pin(async move {
                $module::$case(Fixture::new(subject).await).await;
            }),
        },)+)+];

        /// Calls a macro for each case.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! for_each_case {
            ($d subject:path) => {
                $(mod $module {
                    $($d crate::conformance_test!($d subject, $module, $case);)+
                })+
            };
        }
    };
}

cases! {$
    accounts {
        account_is_found_by_identifier_and_username,
        unknown_account_is_not_found,
        account_without_password_is_given_one,
        accounts_are_listed_in_order_by_pages,
        username_is_taken_once,
        racing_insertions_of_a_username_have_one_winner,
        disabling_ends_logins_with_entries,
        second_disabling_has_no_event,
        enabling_restores_no_login,
        deletion_ends_logins_and_removes_everything,
        new_password_increments_version_and_ends_logins,
        password_of_another_version_is_not_replaced,
        password_is_not_replaced_by_an_ended_login,
        racing_password_changes_have_one_winner,
        new_hash_of_same_password_ends_nothing,
    }
    authentications {
        authentication_needs_live_login_and_current_password,
        authentication_follows_the_previous_one_once,
        racing_authentications_after_one_have_one_winner,
    }
    credentials {
        password_is_removed_and_added_again,
        credentials_are_added_and_removed_as_a_whole,
        credential_of_another_account_is_not_removed,
        credentials_change_at_one_version_by_a_live_login,
        racing_changes_of_credentials_have_one_winner,
        change_of_credentials_ends_logins_but_its_own,
        login_needs_the_version_after_a_change_of_credentials,
        time_step_is_used_once_and_forwards,
        racing_uses_of_a_time_step_have_one_winner,
        recovery_code_is_used_once_with_its_event,
        racing_uses_of_a_recovery_code_have_one_winner,
        second_factor_is_required_once_and_ends_logins,
        unknown_kind_of_credential_is_corrupt,
    }
    leases {
        lease_has_one_holder_until_it_is_released,
        expired_lease_is_taken_over,
        racing_instances_have_one_holder,
    }
    logins {
        login_starts_with_its_event,
        login_needs_enabled_account_and_current_password,
        identifier_of_a_login_is_used_once,
        racing_logins_with_one_identifier_have_one_winner,
        login_beyond_hundred_ends_the_oldest,
        live_logins_are_listed_latest_used_first,
        last_use_of_an_ended_login_stays,
        ended_login_is_not_bound,
        racing_ends_of_login_have_one_winner,
        list_leaves_out_grants_of_ended_logins,
        login_ends_once,
        login_without_grant_ends_without_entry,
        login_of_another_account_is_not_ended,
        all_logins_but_one_end,
        every_login_ends,
        entry_outlives_what_it_affects,
        disabling_races_with_sign_in,
        password_change_races_with_sign_in,
        expired_logins_are_purged,
    }
    grants {
        grant_begins_at_first_generation,
        identifier_of_a_grant_is_used_once,
        racing_grants_with_one_identifier_have_one_winner,
        client_has_several_grants_of_a_login,
        disabled_or_unknown_client_is_granted_nothing,
        first_grant_ends_with_its_login_only,
        grant_needs_live_login,
        grant_advances_one_generation,
        grant_at_another_generation_does_not_advance,
        grant_advances_over_lost_generations,
        racing_advances_have_one_winner,
        ended_grant_does_not_advance,
        grant_of_an_ended_login_does_not_advance,
        grant_ends_alone_and_once,
        grant_of_an_ended_login_does_not_end_again,
        end_of_login_wins_over_racing_advances,
        end_of_login_covers_the_tokens_of_a_racing_advance,
        grants_are_listed_with_their_login,
        time_of_last_token_does_not_decrease,
    }
    consents {
        consent_is_stored_with_its_grant,
        consent_of_a_refused_grant_is_not_stored,
        consents_are_listed_latest_used_first,
        end_of_consent_ends_its_grants_in_every_login,
        end_of_consent_leaves_others,
        consent_is_deleted_with_its_account,
    }
    clients {
        client_is_stored_whole,
        registration_is_replaced_unless_it_is_disabled_or_protected,
        client_id_is_taken_once,
        disabling_ends_grants_and_appends_the_client,
        second_disabling_of_client_changes_nothing,
        secret_of_unknown_client_is_not_set,
        client_of_sign_ins_is_protected,
        protected_client_is_not_disabled,
    }
    passkeys {
        passkey_is_stored_whole_and_found_by_its_credential_id,
        credential_id_of_a_passkey_is_taken_once,
        use_of_a_passkey_follows_the_counter_that_was_read,
        racing_uses_of_a_passkey_have_one_winner,
        credential_of_its_owner_is_renamed,
    }
    revocations {
        epoch_is_stored_once,
        token_is_revoked_once,
        racing_revocations_have_one_winner,
        entries_follow_a_position_in_order,
        numbers_follow_commits_of_several_writers,
        held_transaction_loses_no_entry,
        numbers_are_not_reused_after_a_purge,
        lost_entries_are_appended_again_once,
        lost_ends_are_restored,
    }
    audit {
        events_are_stored_whole,
        events_are_listed_by_filter_and_page,
        security_events_of_an_account_are_listed_newest_first,
        events_before_a_time_are_purged,
        event_of_a_change_is_stored_with_it,
    }
    keys {
        signing_keys_are_listed_in_the_order_of_signing,
        racing_insertions_of_signing_keys_have_one_winner,
        signing_keys_of_several_algorithms_are_inserted_apart,
        signing_key_is_revoked_once_with_entry,
        removed_signing_key_is_gone,
        racing_creations_of_a_secret_key_return_one_key,
    }
    clock {
        checkpoint_of_a_store_without_one_is_its_latest_use,
        greatest_checkpoint_is_kept_unless_the_clock_was_set_back,
    }
    known_locations {
        location_is_known_after_a_sign_in,
        new_password_forgets_locations,
        fifty_locations_are_kept,
        unused_locations_are_purged,
    }
    trusted_browsers {
        browser_is_trusted_by_its_account_until_it_expires,
        change_of_credentials_ends_the_trust,
        browser_of_its_owner_is_removed_once,
        bound_browser_needs_its_key,
        twenty_browsers_are_trusted,
    }
    logout_deliveries {
        end_of_login_is_stored_for_each_receiver_once,
        end_without_a_session_is_not_stored,
        every_way_to_end_logins_stores_the_ends,
        end_outlives_login_and_account,
        end_of_last_grant_ends_the_session,
        end_of_another_grant_ends_the_session_by_its_reason,
        racing_ends_of_grants_store_one_end,
        end_of_consent_stores_one_end_in_each_login,
        disabling_a_client_stores_no_end_and_keeps_earlier_ones,
        refused_end_stores_nothing,
        deferred_end_is_due_later_and_counted,
        removed_end_is_not_listed,
        ends_are_listed_by_due_time_up_to_the_limit,
        ends_up_to_a_time_are_removed_together,
    }
    signals {
        stream_is_created_once_changed_and_deleted,
        every_way_to_end_logins_is_an_event_of_each_stream,
        end_that_is_refused_or_of_no_tokens_is_no_event,
        change_of_a_credential_is_an_event,
        event_is_stored_where_it_is_requested_and_not_disabled,
        events_are_removed_by_number_stream_or_age,
    }
    maintenance {
        store_is_reopened_with_its_content,
        backup_has_accounts_and_no_logins,
        corrupt_rows_are_reported,
        killed_writer_loses_nothing_that_was_acknowledged,
    }
}
