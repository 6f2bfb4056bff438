/** The picture as it is on the screen, names and all, as an image. */

interface Frame {
  context: CanvasRenderingContext2D;
  /** Where the picture is on the page, pixels. */
  left: number;
  top: number;
  root: HTMLElement;
}

/** How opaque an element is with all that it lies in. */
function opacityOf(element: Element, root: Element): number {
  let opacity = 1;
  for (let e: Element | null = element; e !== null && e !== root; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
  return opacity;
}

function drawLeaders(f: Frame): void {
  for (const path of f.root.querySelectorAll('path')) {
    const style = getComputedStyle(path);
    f.context.globalAlpha = opacityOf(path, f.root);
    f.context.strokeStyle = style.stroke;
    f.context.lineWidth = Number.parseFloat(style.strokeWidth) || 1;
    f.context.stroke(new Path2D(path.getAttribute('d') ?? ''));
  }
}

function drawPills(f: Frame): void {
  for (const pill of f.root.querySelectorAll('.pill')) {
    const style = getComputedStyle(pill);
    const box = pill.getBoundingClientRect();
    f.context.globalAlpha = opacityOf(pill, f.root);
    f.context.beginPath();
    f.context.roundRect(box.left - f.left + 0.5, box.top - f.top + 0.5, box.width - 1, box.height - 1, Number.parseFloat(style.borderTopLeftRadius) || 0);
    f.context.fillStyle = style.backgroundColor;
    f.context.fill();
    f.context.strokeStyle = style.borderTopColor;
    f.context.lineWidth = 1;
    f.context.stroke();
  }
}

function drawTexts(f: Frame, halo: string): void {
  const walker = document.createTreeWalker(f.root, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const parent = node.parentElement;
    const text = node.textContent ?? '';
    if (parent === null || text.trim() === '') continue;
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    const style = getComputedStyle(parent);
    const shown = style.textTransform === 'uppercase' ? text.toUpperCase() : text;
    f.context.globalAlpha = opacityOf(parent, f.root);
    f.context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    f.context.letterSpacing = style.letterSpacing === 'normal' ? '0px' : style.letterSpacing;
    f.context.textBaseline = 'middle';
    if (parent.closest('.pill') === null) {
      f.context.strokeStyle = halo;
      f.context.lineWidth = 3;
      f.context.lineJoin = 'round';
      f.context.strokeText(shown, box.left - f.left, box.top - f.top + box.height / 2);
    }
    f.context.fillStyle = style.color;
    f.context.fillText(shown, box.left - f.left, box.top - f.top + box.height / 2);
  }
}

/** pictureOf draws the canvas anew, copies it and writes the names over it. Null: it cannot be had. */
export async function pictureOf(canvas: HTMLCanvasElement, overlay: HTMLElement, draw: () => void): Promise<Blob | null> {
  const out = document.createElement('canvas');
  out.width = canvas.width;
  out.height = canvas.height;
  const context = out.getContext('2d');
  if (context === null) return null;
  draw(); // what was drawn lasts until the end of this task
  context.drawImage(canvas, 0, 0);
  const box = canvas.getBoundingClientRect();
  context.scale(canvas.width / box.width, canvas.height / box.height);
  const frame = { context, left: box.left, top: box.top, root: overlay };
  drawLeaders(frame);
  drawPills(frame);
  drawTexts(frame, getComputedStyle(overlay).getPropertyValue('--halo') || 'transparent');
  return new Promise((done) => out.toBlob(done, 'image/png'));
}
