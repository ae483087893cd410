// Passkeys (WebAuthn Level 3). A form with `data-passkey` gets the response of the browser in its field `passkey`, and is sent then.
// The options are in `data-options`, or come from the address in `data-challenge`, with the attempt that they belong to.
"use strict";

(() => {
  // Challenges are valid for ten minutes.
  const RENEWAL = 8 * 60 * 1000;

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const descriptors = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

  const decode = (options) => {
    const decoded = { ...options, challenge: toBytes(options.challenge) };
    if (options.user) decoded.user = { ...options.user, id: toBytes(options.user.id) };
    if (options.allowCredentials) decoded.allowCredentials = descriptors(options.allowCredentials);
    if (options.excludeCredentials) decoded.excludeCredentials = descriptors(options.excludeCredentials);
    return decoded;
  };

  const encode = (credential) => {
    const from = credential.response;
    const response = { clientDataJSON: toText(from.clientDataJSON) };
    if (from.attestationObject) {
      response.attestationObject = toText(from.attestationObject);
      response.transports = from.getTransports ? from.getTransports() : [];
    } else {
      response.authenticatorData = toText(from.authenticatorData);
      response.signature = toText(from.signature);
      if (from.userHandle) response.userHandle = toText(from.userHandle);
    }
    return JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      response,
      authenticatorAttachment: credential.authenticatorAttachment || undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
    });
  };

  // The ceremony that waits for the person; another one ends it.
  let pending;

  const perform = async (form, { attempt, options }, mediation) => {
    const previous = pending;
    const own = new AbortController();
    own.mediation = mediation;
    pending = own;
    if (previous) {
      previous.abort();
      // A browser performs one ceremony at a time.
      await previous.settled;
    }
    const request = { publicKey: decode(options), signal: own.signal };
    if (mediation) request.mediation = mediation;
    const credentials = navigator.credentials;
    const ceremony = form.dataset.passkey === "create" ? credentials.create(request) : credentials.get(request);
    const ignore = () => undefined;
    own.settled = ceremony.then(ignore, ignore);
    const credential = await ceremony;
    // Not earlier: the form may meanwhile ask for another challenge.
    if (attempt) form.elements.attempt.value = attempt;
    form.elements.passkey.value = encode(credential);
    form.submit();
  };

  // The options, and the attempt that they belong to, if the form does not have it.
  const challengeOf = async (form) => {
    if (form.dataset.options) return { options: JSON.parse(form.dataset.options) };
    const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
    const answer = await fetch(form.dataset.challenge, { method: "POST", body });
    return answer.ok ? answer.json() : undefined;
  };

  // Passkeys among the suggestions for the username.
  const offerAutofill = async (form) => {
    try {
      const challenge = await challengeOf(form);
      if (!challenge) {
        form.hidden = true;
        return;
      }
      // Not while the person uses the button.
      setTimeout(() => pending.mediation && offerAutofill(form), RENEWAL);
      await perform(form, challenge, "conditional");
    } catch {
      // Ended by the button, or by the person: both remain possible.
    }
  };

  const explain = (form, error) => {
    const status = form.querySelector("[data-passkey-status]");
    if (error.name === "AbortError") return;
    status.textContent =
      error.name === "InvalidStateError"
        ? "This device has a passkey for this account already."
        : "No passkey was used. You can try again.";
  };

  const enable = async (form) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const challenge = await challengeOf(form);
        if (!challenge) throw new Error("no challenge");
        await perform(form, challenge);
      } catch (error) {
        explain(form, error);
      }
    });
    form.hidden = false;
    const section = form.closest("[data-passkey-section]");
    if (section) section.hidden = false;
    if (!form.dataset.challenge) return;
    const supported = PublicKeyCredential.isConditionalMediationAvailable;
    if (supported && (await PublicKeyCredential.isConditionalMediationAvailable())) await offerAutofill(form);
  };

  const forms = document.querySelectorAll("form[data-passkey]");
  if (window.PublicKeyCredential) forms.forEach(enable);
})();
