/** The little that is needed around WebGL2: programs, data textures, buffers, targets. */

/** RenderError: the machine cannot draw the star; the reason is for people. */
export class RenderError extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'RenderError';
  }
}

export type Gl = WebGL2RenderingContext;

/** Names of what draws without a graphics processor. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render/i;

/** Whether the processor draws, as far as the browser tells. */
export function inSoftware(gl: Gl): boolean {
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  return info !== null && SOFTWARE.test(String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)));
}

export class Program {
  readonly program: WebGLProgram;
  private readonly places = new Map<string, WebGLUniformLocation>();

  constructor(private readonly gl: Gl, vertex: string, fragment: string) {
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
      const shader = gl.createShader(type);
      if (shader === null) throw new RenderError('no shader can be made');
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true && !gl.isContextLost()) {
      const logs = (gl.getAttachedShaders(program) ?? []).map((s) => gl.getShaderInfoLog(s) ?? '');
      throw new RenderError(`a shader does not compile: ${[gl.getProgramInfoLog(program) ?? '', ...logs].join(' ')}`);
    }
    this.program = program;
    const n = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) as number;
    for (let i = 0; i < n; i++) {
      const info = gl.getActiveUniform(program, i);
      if (info === null) continue;
      const place = gl.getUniformLocation(program, info.name);
      if (place !== null) this.places.set(info.name.replace('[0]', ''), place);
    }
  }

  use(): void {
    this.gl.useProgram(this.program);
  }

  /** Sets a float uniform of one to four components; names the program lacks are passed over. */
  set(name: string, ...v: number[]): void {
    const place = this.places.get(name);
    if (place === undefined) return;
    const gl = this.gl;
    if (v.length === 1) gl.uniform1f(place, v[0]);
    else if (v.length === 2) gl.uniform2f(place, v[0], v[1]);
    else if (v.length === 3) gl.uniform3f(place, v[0], v[1], v[2]);
    else gl.uniform4f(place, v[0], v[1], v[2], v[3]);
  }

  int(name: string, v: number): void {
    const place = this.places.get(name);
    if (place !== undefined) this.gl.uniform1i(place, v);
  }

  triples(name: string, v: Float32Array): void {
    const place = this.places.get(name);
    if (place !== undefined) this.gl.uniform3fv(place, v);
  }

  texture(name: string, unit: number, texture: WebGLTexture | null): void {
    const place = this.places.get(name);
    if (place === undefined) return;
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
    this.gl.uniform1i(place, unit);
  }
}

const WIDTH = 256;

/** A table in a texture: 256 texels a line, read with texelFetch. */
export class DataTexture {
  readonly texture: WebGLTexture;
  private rows = 0;
  private readonly format: { internal: number; format: number; type: number };

  constructor(private readonly gl: Gl, private readonly channels: 2 | 4, unsigned = false) {
    this.texture = gl.createTexture();
    this.format = unsigned
      ? { internal: gl.RG32UI, format: gl.RG_INTEGER, type: gl.UNSIGNED_INT }
      : channels === 4
        ? { internal: gl.RGBA32F, format: gl.RGBA, type: gl.FLOAT }
        : { internal: gl.RG32F, format: gl.RG, type: gl.FLOAT };
  }

  /** Uploads n texels. The array may be longer than n; it is padded when its last line is short. */
  write(data: Float32Array | Uint32Array, n: number): void {
    const { gl } = this;
    const rows = Math.max(1, Math.ceil(n / WIDTH));
    const wanted = rows * WIDTH * this.channels;
    let source = data;
    if (data.length < wanted) {
      source = data instanceof Uint32Array ? new Uint32Array(wanted) : new Float32Array(wanted);
      source.set(data);
    } else if (data.length > wanted) {
      source = data.subarray(0, wanted);
    }
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    const { internal, format, type } = this.format;
    if (rows === this.rows) {
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, WIDTH, rows, format, type, source);
      return;
    }
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, WIDTH, rows, 0, format, type, source);
    for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, gl.NEAREST);
    for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE);
    this.rows = rows;
  }
}

export interface Attribute {
  location: number;
  /** Components of each value. */
  size: number;
  kind: 'float' | 'u32' | 'u8';
}

/** One instance attribute and the array object that reads it and its fellows. */
export class Instances {
  readonly array: WebGLVertexArrayObject;
  private readonly buffers: WebGLBuffer[];
  count = 0;

  constructor(private readonly gl: Gl, attributes: Attribute[]) {
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    this.buffers = attributes.map((a) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(a.location);
      if (a.kind === 'float') gl.vertexAttribPointer(a.location, a.size, gl.FLOAT, false, 0, 0);
      else gl.vertexAttribIPointer(a.location, a.size, a.kind === 'u32' ? gl.UNSIGNED_INT : gl.UNSIGNED_BYTE, 0, 0);
      gl.vertexAttribDivisor(a.location, 1);
      return buffer;
    });
    gl.bindVertexArray(null);
  }

  /** Uploads the values of all attributes, in the order given to the constructor. */
  write(count: number, ...data: ArrayBufferView<ArrayBuffer>[]): void {
    data.forEach((d, i) => {
      this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffers[i]);
      this.gl.bufferData(this.gl.ARRAY_BUFFER, d, this.gl.DYNAMIC_DRAW);
    });
    this.count = count;
  }

  /** Draws instances first to first+count as strips of the given number of vertices. */
  draw(vertices: number, count = this.count): void {
    if (count <= 0) return;
    this.gl.bindVertexArray(this.array);
    this.gl.drawArraysInstanced(this.gl.TRIANGLE_STRIP, 0, vertices, count);
  }

  /** Points a u32 attribute at a later place of its buffer, to draw a slice. */
  shift(index: number, location: number, first: number): void {
    this.gl.bindVertexArray(this.array);
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffers[index]);
    this.gl.vertexAttribIPointer(location, 1, this.gl.UNSIGNED_INT, 0, first * 4);
  }
}

export interface Target {
  texture: WebGLTexture;
  framebuffer: WebGLFramebuffer;
  width: number;
  height: number;
}

export function makeTarget(gl: Gl, width: number, height: number, float: boolean): Target {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texStorage2D(gl.TEXTURE_2D, 1, float ? gl.RGBA16F : gl.RGBA8, width, height);
  for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, gl.LINEAR);
  for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE);
  const framebuffer = gl.createFramebuffer();
  gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  return { texture, framebuffer, width, height };
}

export function freeTarget(gl: Gl, t: Target): void {
  gl.deleteTexture(t.texture);
  gl.deleteFramebuffer(t.framebuffer);
}

/** A sum of light with its three blurred copies. */
export class Layer {
  readonly main: Target;
  private readonly levels: [Target, Target][];
  private blurred = false;

  constructor(private readonly gl: Gl, width: number, height: number, float: boolean, glow: boolean) {
    this.main = makeTarget(gl, width, height, float);
    const size = (n: number, k: number): number => Math.max(1, Math.floor(n / k));
    this.levels = glow
      ? [2, 4, 8].map((k) => [makeTarget(gl, size(width, k), size(height, k), float), makeTarget(gl, size(width, k), size(height, k), float)])
      : [];
  }

  /** The copy at 1/2, 1/4 or 1/8 of the size (0, 1, 2), or the layer itself without glow. */
  level(i: number): WebGLTexture {
    return this.levels.length > 0 ? this.levels[i][0].texture : this.main.texture;
  }

  bind(): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.main.framebuffer);
    gl.viewport(0, 0, this.main.width, this.main.height);
    this.blurred = false;
  }

  clear(): void {
    this.bind();
    this.gl.clearColor(0, 0, 0, 1);
    this.gl.clear(this.gl.COLOR_BUFFER_BIT);
  }

  /** Renews the blurred copies if the layer changed. Blending is off afterwards. */
  blur(program: Program): void {
    if (this.blurred || this.levels.length === 0) return;
    const { gl } = this;
    gl.disable(gl.BLEND);
    program.use();
    let source = this.main;
    for (const [a, b] of this.levels) {
      for (const [from, to, dx, dy] of [[source, b, 1 / source.width, 0], [b, a, 0, 1 / b.height]] as const) {
        gl.bindFramebuffer(gl.FRAMEBUFFER, to.framebuffer);
        gl.viewport(0, 0, to.width, to.height);
        program.texture('uSource', 0, from.texture);
        program.set('uStep', dx, dy);
        gl.drawArrays(gl.TRIANGLES, 0, 3);
      }
      source = a;
    }
    this.blurred = true;
  }

  free(): void {
    freeTarget(this.gl, this.main);
    for (const pair of this.levels) for (const t of pair) freeTarget(this.gl, t);
  }
}
