/**
 * An image one can work with: window and level by dragging, zoom by wheel, pinch or key, move, invert.
 * Overlays lie in the same transformed box, so that they stay where they belong.
 *
 * The picture is 8-bit; the window here stretches what it holds. `draw` with another address (the
 * server's rendering of an exact window) brings in grey levels that the first picture left out.
 */
const FULL = { center: 127.5, width: 255 };
const MAX_ZOOM = 16;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Viewer {
  constructor(stage, layers, canvas, { onWindow = () => {} } = {}) {
    Object.assign(this, { stage, layers, canvas, onWindow });
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.tool = "window";
    this.window = { ...FULL };
    this.inverted = false;
    this.pointers = new Map();
    this.listen();
  }

  /** Fetch and show a picture; rejects with what the server said when it cannot be had. */
  async draw(address) {
    const answer = await fetch(address, { credentials: "same-origin" });
    if (answer.redirected) {
      location.reload(); // signed out meanwhile: the page leads to the sign-in
      return;
    }
    if (!answer.ok) {
      throw new Error(answer.status === 422 ? await answer.text() : `The server answered ${answer.status}.`);
    }
    const bitmap = await createImageBitmap(await answer.blob());
    const first = !this.source;
    this.canvas.width = bitmap.width;
    this.canvas.height = bitmap.height;
    this.context.drawImage(bitmap, 0, 0);
    this.source = this.context.getImageData(0, 0, bitmap.width, bitmap.height);
    bitmap.close();
    if (first) {
      this.fit();
    } else {
      this.place();
    }
    this.window = { ...FULL };
    this.paint();
  }

  /** Show the source through the window, one lookup for each pixel. */
  paint() {
    if (!this.source) {
      return;
    }
    const { center, width } = this.window;
    const table = new Uint8ClampedArray(256);
    for (let grey = 0; grey < 256; grey += 1) {
      const value = ((grey - (center - width / 2)) / width) * 255;
      table[grey] = this.inverted ? 255 - clamp(value, 0, 255) : value;
    }
    const shown = new ImageData(this.source.width, this.source.height);
    const from = this.source.data;
    const to = new Uint32Array(shown.data.buffer);
    for (let at = 0, byte = 0; at < to.length; at += 1, byte += 4) {
      const grey = table[from[byte]];
      to[at] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    this.context.putImageData(shown, 0, 0);
    this.onWindow(this.window, this.inverted);
  }

  repaint() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.paint();
    });
  }

  setWindow(center, width) {
    this.window = { center: clamp(center, -128, 383), width: clamp(width, 4, 1024) };
    this.repaint();
  }

  invert() {
    this.inverted = !this.inverted;
    this.paint();
    return this.inverted;
  }

  reset() {
    this.window = { ...FULL };
    this.inverted = false;
    this.fit();
    this.paint();
  }

  /** The largest size at which the whole image is seen, in the middle. */
  fit() {
    const { clientWidth, clientHeight } = this.stage;
    this.fitScale = Math.min(clientWidth / this.canvas.width, clientHeight / this.canvas.height);
    this.scale = 1;
    this.left = (clientWidth - this.canvas.width * this.fitScale) / 2;
    this.top = (clientHeight - this.canvas.height * this.fitScale) / 2;
    this.place();
  }

  place() {
    const factor = this.fitScale * this.scale;
    this.layers.style.width = `${this.canvas.width}px`;
    this.layers.style.height = `${this.canvas.height}px`;
    this.layers.style.transform = `translate(${this.left}px, ${this.top}px) scale(${factor})`;
  }

  /** Zoom so that the point under the pointer stays under it. */
  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const scale = clamp(this.scale * factor, 1, MAX_ZOOM);
    const change = scale / this.scale;
    this.left = x - (x - this.left) * change;
    this.top = y - (y - this.top) * change;
    this.scale = scale;
    if (scale === 1) {
      this.fit();
    } else {
      this.keepInSight();
    }
  }

  move(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.keepInSight();
  }

  /** At least a quarter of the stage always shows image. */
  keepInSight() {
    const factor = this.fitScale * this.scale;
    const { clientWidth, clientHeight } = this.stage;
    const bound = (at, image, room) => clamp(at, room * 0.25 - image, room * 0.75);
    this.left = bound(this.left, this.canvas.width * factor, clientWidth);
    this.top = bound(this.top, this.canvas.height * factor, clientHeight);
    this.place();
  }

  setTool(tool) {
    this.tool = tool;
    this.stage.dataset.tool = tool;
  }

  listen() {
    const { stage } = this;
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { left, top } = stage.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top);
    });
    stage.addEventListener("pointerdown", (event) => {
      stage.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
    });
    stage.addEventListener("pointermove", (event) => this.drag(event));
    for (const kind of ["pointerup", "pointercancel"]) {
      stage.addEventListener(kind, ({ pointerId }) => this.pointers.delete(pointerId));
    }
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("dblclick", () => this.fit());
    stage.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(() => this.source && (this.scale === 1 ? this.fit() : this.keepInSight())).observe(stage);
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || !this.source) {
      return;
    }
    const dx = event.clientX - before.clientX;
    const dy = event.clientY - before.clientY;
    if (this.pointers.size === 2) {
      this.pinch(event, before);
    } else if (this.tool === "pan" || event.buttons & 6 || event.shiftKey) {
      this.move(dx, dy);
    } else {
      const step = Math.max(this.window.width, 32) / 400;
      this.setWindow(this.window.center + dy * step, this.window.width + dx * step * 2);
    }
    this.pointers.set(event.pointerId, event);
  }

  /** Two fingers: their distance zooms around their middle, their middle moves. */
  pinch(event, before) {
    const [other] = [...this.pointers.entries()].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    const distance = (at) => Math.hypot(at.clientX - other.clientX, at.clientY - other.clientY);
    const { left, top } = this.stage.getBoundingClientRect();
    this.move((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
    this.zoom(
      distance(event) / Math.max(distance(before), 1),
      (event.clientX + other.clientX) / 2 - left,
      (event.clientY + other.clientY) / 2 - top,
    );
  }

  press(event) {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!arrow || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    event.preventDefault();
    const [x, y] = arrow;
    if (event.shiftKey) {
      this.move(-x * 40, -y * 40);
    } else {
      this.setWindow(this.window.center + y * 8, this.window.width + x * 16);
    }
  }
}
