/**
 * Put into a page before its scripts: notes what is drawn, what arrives and
 * what is typed. It wraps the browser's own functions and knows of the page
 * only that the program of its chords has a uniform named uSegments.
 */
(() => {
  const KEEP = 20_000; // frames and messages; a visit has a few thousand
  const probe = {
    /** Waits for the graphics processor after each frame, so that a frame's end is its picture; so from the first frame on. */
    sync: true,
    frames: [], messages: [], inputs: [],
    /** Chords of the picture that are drawn since it was last begun anew. */
    covered: 0,
    graphicsBytes: 0, waiting: [], unknown: '',
  };
  window.probe = probe;

  // Frames: what is drawn in one task.
  let frame = null;
  const contexts = new Set();
  const pixel = new Uint8Array(4);
  function wait(context) {
    if (!(context instanceof WebGL2RenderingContext)) {
      context.getImageData(0, 0, 1, 1);
      return;
    }
    const bound = context.getParameter(context.FRAMEBUFFER_BINDING);
    context.bindFramebuffer(context.FRAMEBUFFER, null);
    context.readPixels(0, 0, 1, 1, context.RGBA, context.UNSIGNED_BYTE, pixel);
    context.bindFramebuffer(context.FRAMEBUFFER, bound);
  }
  probe.flush = () => { for (const c of contexts) wait(c); return performance.now(); };
  function close() {
    const f = frame;
    frame = null;
    if (probe.sync) for (const c of f.contexts) wait(c);
    const done = { start: f.start, end: performance.now(), draws: f.draws, chords: f.chords, moved: f.moved || f.chords > 0, covered: probe.covered };
    if (probe.frames.length < KEEP) probe.frames.push(done);
    probe.waiting = probe.waiting.filter((w) => !w(done));
  }
  function open() {
    if (frame !== null) return;
    frame = { start: performance.now(), draws: 0, chords: 0, moved: false, contexts: new Set() };
    queueMicrotask(close);
  }
  function drawn(context, chords) {
    open();
    contexts.add(context);
    frame.contexts.add(context);
    frame.draws++;
    frame.chords += chords;
  }
  /** The first frame from now on that test accepts. */
  probe.when = (test) => new Promise((resolve) => {
    probe.waiting.push((f) => {
      if (!test(f)) return false;
      resolve(f);
      return true;
    });
  });

  const gl = WebGL2RenderingContext.prototype;
  const wrap = (on, name, before) => {
    const own = on[name];
    on[name] = function wrapped(...args) {
      before(this, args);
      return own.apply(this, args);
    };
  };
  let chordProgram = null;
  let program = null;
  let first = 0;
  wrap(gl, 'getUniformLocation', (_, [p, name]) => { if (name === 'uSegments') chordProgram = p; });
  wrap(gl, 'useProgram', (_, [p]) => { program = p; });
  wrap(gl, 'vertexAttribIPointer', (_, args) => { first = args[4] / 4; });
  wrap(gl, 'drawArraysInstanced', (context, [, , , count]) => {
    const chords = chordProgram !== null && program === chordProgram ? count : 0;
    if (chords > 0) probe.covered = first > 0 && first === probe.covered ? first + count : count;
    drawn(context, chords);
  });
  for (const name of ['drawArrays', 'drawElements', 'drawElementsInstanced']) wrap(gl, name, (context) => drawn(context, 0));
  for (const name of ['stroke', 'fill', 'drawImage', 'fillRect']) wrap(CanvasRenderingContext2D.prototype, name, (context) => { if (context.canvas.isConnected) drawn(context, 0); });

  // What was drawn may also be moved as it is.
  new MutationObserver((changes) => {
    if (!changes.some((c) => c.target instanceof HTMLCanvasElement)) return;
    open();
    frame.moved = true;
  }).observe(document, { subtree: true, attributeFilter: ['style'] });

  // Buffers and textures.
  const sizes = new WeakMap();
  const bound = new Map();
  const account = (thing, bytes) => {
    if (thing === undefined || thing === null) return;
    probe.graphicsBytes += bytes - (sizes.get(thing) ?? 0);
    sizes.set(thing, bytes);
  };
  wrap(gl, 'bindBuffer', (_, [target, b]) => bound.set(target, b));
  wrap(gl, 'bindTexture', (_, [target, t]) => bound.set(target, t));
  wrap(gl, 'bufferData', (_, [target, data]) => account(bound.get(target), typeof data === 'number' ? data : data.byteLength));
  const TEXEL = new Map([[gl.RGBA, 4], [gl.RGBA8, 4], [gl.R8, 1], [gl.RG32F, 8], [gl.RG32UI, 8], [gl.RGBA16F, 8], [gl.RGBA32F, 16], [gl.R32F, 4], [gl.R32UI, 4]]);
  const image = (target, format, width, height) => {
    if (!TEXEL.has(format)) probe.unknown = `texture format ${format}`;
    account(bound.get(target), (TEXEL.get(format) ?? 0) * width * height);
  };
  wrap(gl, 'texStorage2D', (_, [target, , format, width, height]) => image(target, format, width, height));
  wrap(gl, 'texImage2D', (_, args) => { if (args.length >= 9) image(args[0], args[2], args[3], args[4]); });
  for (const name of ['deleteBuffer', 'deleteTexture']) wrap(gl, name, (_, [thing]) => account(thing, 0));

  // The stream.
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    addEventListener(type, f, ...rest) {
      const heard = type !== 'message' ? f : (e) => {
        const start = performance.now();
        f(e);
        const bytes = e.data.byteLength ?? 0;
        if (bytes > 0 && probe.messages.length < KEEP) probe.messages.push({ start, end: performance.now(), bytes });
      };
      super.addEventListener(type, heard, ...rest);
    }
  };

  // Input, at the moment at which the browser took it.
  for (const type of ['pointermove', 'keydown']) {
    window.addEventListener(type, (e) => { if (e.isTrusted) probe.inputs.push({ type, at: e.timeStamp }); }, { capture: true, passive: true });
  }
})();
