/* Search without a server: a page opened from the disk may not start a worker, so the worker's script
   runs in a hidden frame instead. Pages that come from a server use workers as ever. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.appendChild(this.frame);
      const inside = this.frame.contentWindow;
      addEventListener("message", (event) => {
        if (event.source !== inside) return;
        const heard = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(heard);
        if (this.onmessage) this.onmessage(heard);
      });
      /* What the script posts is sent to this page, as from the frame. It may import other scripts. */
      inside.document.open();
      inside.document.write(
        `<script>
          postMessage = (data) => parent.dispatchEvent(
            new MessageEvent("message", { data, source: window }));
          importScripts = (...urls) => urls.reduce((before, url) => before.then(() =>
            new Promise((loaded, failed) => {
              const script = document.createElement("script");
              script.src = url; script.onload = loaded; script.onerror = failed;
              document.body.appendChild(script);
            })), Promise.resolve());
        <\/script><body><script src="${url}"><\/script></body>`
      );
      inside.document.close();
      this.ready = new Promise((loaded) => (inside.onload = loaded));
    }
    postMessage(data) {
      this.ready.then(() =>
        this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }))
      );
    }
    terminate() {
      this.frame.remove();
    }
  };
}
