/* The pixel: tells the collector what people do on a page, in the form of Segment's tracking API. No dependencies.
 *
 * <script async src="https://events.example.com/v1/pixel.js" data-write-key="lh_collect_..."></script>
 * <script>window.lakehouse = window.lakehouse || []; lakehouse.push(["page"]);</script>
 *
 * Calls: page(name, properties), track(event, properties), identify(userId, traits), consent(isGiven), reset().
 * With data-consent="ask" nothing is stored or sent before consent(true). With Global Privacy Control, Do Not Track or
 * after consent(false) nothing is.
 */
(function () {
  "use strict";
  var script = document.currentScript;
  var url = new URL("/v1/batch", script.src).href;
  var asks = script.dataset.consent === "ask";
  var CALLS = 20; // of one request
  var BYTES = 60000; // that a request may have which outlives its page
  var KEPT = 50; // requests that wait in the browser
  var memory = {}; // where the browser lets nothing be stored
  var queue = [];
  var timer = null;
  var isSending = false;
  var pause = 0; // seconds until the next attempt
  var early = []; // calls before the person is asked

  function read(name) {
    try {
      return localStorage.getItem("lakehouse." + name) || memory[name];
    } catch (e) {
      return memory[name];
    }
  }

  function write(name, value) {
    memory[name] = value;
    try {
      localStorage.setItem("lakehouse." + name, value);
      delete memory[name];
    } catch (e) {
      /* it stays in memory, as long as the page */
    }
  }

  function remove(name) {
    delete memory[name];
    try {
      localStorage.removeItem("lakehouse." + name);
    } catch (e) {
      /* nothing was stored */
    }
  }

  function kept() {
    var names = Object.keys(memory);
    try {
      names = names.concat(Object.keys(localStorage).map(function (name) {
        return name.indexOf("lakehouse.") ? "" : name.slice(10);
      }));
    } catch (e) {
      /* nothing was stored */
    }
    return names.filter(function (name) {
      return name.indexOf("batch.") === 0;
    }).sort();
  }

  function newId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), function (byte) {
      return (byte + 256).toString(16).slice(1);
    }).join("");
  }

  function anonymousId() {
    var id = read("anonymous") || newId();
    write("anonymous", id);
    return id;
  }

  function mayTrack() {
    var n = navigator;
    if (n.globalPrivacyControl || n.doNotTrack === "1" || window.doNotTrack === "1") return false;
    return asks ? read("consent") === "yes" : read("consent") !== "no";
  }

  function forget() {
    queue = [];
    early = [];
    kept().concat("anonymous", "user").forEach(remove);
  }

  function context() {
    var at = location;
    var utm = {};
    new URLSearchParams(at.search).forEach(function (value, name) {
      if (name.indexOf("utm_") === 0) utm[name === "utm_campaign" ? "name" : name.slice(4)] = value;
    });
    return {
      page: { url: at.href.split("#")[0], path: at.pathname, title: document.title, referrer: document.referrer },
      campaign: utm,
      userAgent: navigator.userAgent,
      locale: navigator.language,
      library: { name: "lakehouse-pixel", version: "1" },
    };
  }

  function add(type, call) {
    call.type = type;
    call.messageId = newId();
    call.timestamp = new Date().toISOString();
    call.context = context();
    if (!mayTrack()) {
      if (asks && !read("consent") && early.length < CALLS) early.push(call);
      return;
    }
    admit(call);
    if (queue.length >= CALLS) send();
    else later(1);
  }

  function admit(call) {
    call.anonymousId = anonymousId();
    if (call.type === "identify") write("user", call.userId);
    else call.userId = read("user");
    queue.push(JSON.stringify(call));
  }

  function later(seconds) {
    if (timer === null) timer = setTimeout(send, 1000 * Math.max(seconds, pause));
  }

  function body(batch) {
    var head = JSON.stringify({ writeKey: script.dataset.writeKey, sentAt: new Date().toISOString() });
    return head.slice(0, -1) + ',"batch":' + batch + "}";
  }

  function taken() {
    return "[" + queue.splice(0, CALLS).join() + "]";
  }

  /* What waits goes into the browser's store, and is removed when the collector has it. */
  function keep() {
    while (queue.length) write("batch." + Date.now() + "." + newId(), taken());
    kept().slice(0, -KEPT).forEach(remove);
  }

  function send() {
    clearTimeout(timer);
    timer = null;
    if (!mayTrack()) return;
    keep();
    var name = kept()[0];
    if (!name || isSending) return;
    isSending = true;
    var text = body(read(name));
    fetch(url, { method: "POST", body: text, keepalive: text.length < BYTES, credentials: "omit" })
      .then(function (answer) {
        var isLater = answer.status >= 500 || answer.status === 408 || answer.status === 429;
        if (isLater) throw Number(answer.headers.get("retry-after"));
        remove(name);
        pause = 0;
      })
      .catch(function (wait) {
        pause = Math.max(Number(wait) || 0, Math.min(2 * pause || 1, 60));
      })
      .then(function () {
        isSending = false;
        if (kept().length || queue.length) later(0);
      });
  }

  /* The page is being left: a beacon outlives it. What it does not take waits for the next page. */
  function leave() {
    if (!queue.length || !mayTrack()) return;
    var calls = queue.slice();
    if (navigator.onLine && navigator.sendBeacon && navigator.sendBeacon(url, body(taken()))) return;
    queue = calls;
    send();
  }

  var lakehouse = {
    page: function (name, properties) {
      add("page", { name: name, properties: properties || {} });
    },
    track: function (event, properties) {
      add("track", { event: event, properties: properties || {} });
    },
    identify: function (userId, traits) {
      if (read("user") && read("user") !== String(userId)) lakehouse.reset(); // another person at this browser
      add("identify", { userId: String(userId), traits: traits || {} });
    },
    consent: function (isGiven) {
      write("consent", isGiven ? "yes" : "no");
      if (!mayTrack()) return forget();
      early.splice(0).forEach(admit);
      send();
    },
    /* At a logout: who comes next is somebody else. */
    reset: function () {
      remove("user");
      remove("anonymous");
    },
    push: function (call) {
      lakehouse[call[0]].apply(null, call.slice(1));
    },
  };

  if (!mayTrack() && !asks) forget();
  addEventListener("online", function () {
    pause = 0;
    send();
  });
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "hidden") leave();
  });
  if (kept().length) later(0);
  var calls = window.lakehouse || [];
  window.lakehouse = lakehouse;
  for (var i = 0; i < calls.length; i++) lakehouse.push(calls[i]);
})();
