// AssemblyScript: the arithmetic of training and evaluation, on pointers into one memory that the caller lays out.
// Plain SIMD128 (multiply, then add): bit for bit the same on every machine. Activations are channels-last, with a batch
// axis in front; convolutions are stride 1, odd kernels, "same", and read inputs that carry their zero padding, so that an
// output row is a product of matrices with no copying: row x of A starts `channels` floats after row x − 1.
// Channel counts are multiples of 8.

// C[m, n] (+)= A · B. A(i, k) = a[i · ars + k · acs]; B and C are row-major with ldb and ldc. Strides in floats.
export function gemm(
  m: i32, n: i32, k: i32,
  a: usize, ars: i32, acs: i32,
  b: usize, ldb: i32,
  c: usize, ldc: i32,
  accumulate: bool,
): void {
  const rowA: usize = <usize>ars << 2;
  const stepA: usize = <usize>acs << 2;
  const stepB: usize = <usize>ldb << 2;
  const rowC: usize = <usize>ldc << 2;
  let j = 0;
  for (; j + 8 <= n; j += 8) {
    const bj = b + (<usize>j << 2);
    let i = 0;
    for (; i + 4 <= m; i += 4) {
      let a0 = a + <usize>i * rowA;
      let a1 = a0 + rowA;
      let a2 = a1 + rowA;
      let a3 = a2 + rowA;
      const c0 = c + <usize>i * rowC + (<usize>j << 2);
      const c1 = c0 + rowC;
      const c2 = c1 + rowC;
      const c3 = c2 + rowC;
      let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00;
      let s20 = s00, s21 = s00, s30 = s00, s31 = s00;
      if (accumulate) {
        s00 = v128.load(c0); s01 = v128.load(c0, 16);
        s10 = v128.load(c1); s11 = v128.load(c1, 16);
        s20 = v128.load(c2); s21 = v128.load(c2, 16);
        s30 = v128.load(c3); s31 = v128.load(c3, 16);
      }
      let bp = bj;
      for (let p = 0; p < k; p++) {
        const b0 = v128.load(bp);
        const b1 = v128.load(bp, 16);
        const v0 = v128.load32_splat(a0);
        s00 = f32x4.add(s00, f32x4.mul(v0, b0));
        s01 = f32x4.add(s01, f32x4.mul(v0, b1));
        const v1 = v128.load32_splat(a1);
        s10 = f32x4.add(s10, f32x4.mul(v1, b0));
        s11 = f32x4.add(s11, f32x4.mul(v1, b1));
        const v2 = v128.load32_splat(a2);
        s20 = f32x4.add(s20, f32x4.mul(v2, b0));
        s21 = f32x4.add(s21, f32x4.mul(v2, b1));
        const v3 = v128.load32_splat(a3);
        s30 = f32x4.add(s30, f32x4.mul(v3, b0));
        s31 = f32x4.add(s31, f32x4.mul(v3, b1));
        a0 += stepA; a1 += stepA; a2 += stepA; a3 += stepA;
        bp += stepB;
      }
      v128.store(c0, s00); v128.store(c0, s01, 16);
      v128.store(c1, s10); v128.store(c1, s11, 16);
      v128.store(c2, s20); v128.store(c2, s21, 16);
      v128.store(c3, s30); v128.store(c3, s31, 16);
    }
    for (; i < m; i++) {
      let ap = a + <usize>i * rowA;
      const cp = c + <usize>i * rowC + (<usize>j << 2);
      let s0 = f32x4.splat(0), s1 = s0;
      if (accumulate) { s0 = v128.load(cp); s1 = v128.load(cp, 16); }
      let bp = bj;
      for (let p = 0; p < k; p++) {
        const v = v128.load32_splat(ap);
        s0 = f32x4.add(s0, f32x4.mul(v, v128.load(bp)));
        s1 = f32x4.add(s1, f32x4.mul(v, v128.load(bp, 16)));
        ap += stepA;
        bp += stepB;
      }
      v128.store(cp, s0); v128.store(cp, s1, 16);
    }
  }
  for (; j < n; j++) {
    for (let i = 0; i < m; i++) {
      let ap = a + <usize>i * rowA;
      let bp = b + (<usize>j << 2);
      const cp = c + <usize>i * rowC + (<usize>j << 2);
      let s: f32 = accumulate ? load<f32>(cp) : 0;
      for (let p = 0; p < k; p++) {
        s += load<f32>(ap) * load<f32>(bp);
        ap += stepA;
        bp += stepB;
      }
      store<f32>(cp, s);
    }
  }
}

// y[batch, h, w, n] = conv(x[batch, h + 2p, w + 2p, c] with its padding, kernel[k, k, c, n]), p = (k − 1) / 2.
export function conv(x: usize, kernel: usize, y: usize, batch: i32, h: i32, w: i32, c: i32, k: i32, n: i32): void {
  const wide = w + k - 1;
  const image = (h + k - 1) * wide * c;
  for (let s = 0; s < batch; s++) {
    for (let row = 0; row < h; row++) {
      const out = y + (<usize>((s * h + row) * w * n) << 2);
      for (let ky = 0; ky < k; ky++) {
        const from = x + (<usize>(s * image + (row + ky) * wide * c) << 2);
        gemm(w, n, k * c, from, c, 1, kernel + (<usize>(ky * k * c * n) << 2), n, out, n, ky > 0);
      }
    }
  }
}

// dKernel += the gradient; dy is compact here.
export function convKernelGradient(
  x: usize, dy: usize, dKernel: usize, batch: i32, h: i32, w: i32, c: i32, k: i32, n: i32,
): void {
  const wide = w + k - 1;
  const image = (h + k - 1) * wide * c;
  for (let s = 0; s < batch; s++) {
    for (let ky = 0; ky < k; ky++) {
      for (let row = 0; row < h; row++) {
        const from = x + (<usize>(s * image + (row + ky) * wide * c) << 2);
        const gradient = dy + (<usize>((s * h + row) * w * n) << 2);
        gemm(k * c, n, w, from, 1, c, gradient, n, dKernel + (<usize>(ky * k * c * n) << 2), n, true);
      }
    }
  }
}

// kernel[k, k, c, n] → turned by half a revolution and transposed, [k, k, n, c]: convolving dy with it gives dx.
export function turnKernel(kernel: usize, turned: usize, k: i32, c: i32, n: i32): void {
  const taps = k * k;
  for (let t = 0; t < taps; t++) {
    for (let i = 0; i < c; i++) {
      for (let j = 0; j < n; j++) {
        const value = load<f32>(kernel + (<usize>((t * c + i) * n + j) << 2));
        store<f32>(turned + (<usize>(((taps - 1 - t) * n + j) * c + i) << 2), value);
      }
    }
  }
}

// Copies [batch, h, w, c] into the middle of [batch, h + 2p, w + 2p, c]; the border is left as it is (zero).
export function pad(from: usize, to: usize, batch: i32, h: i32, w: i32, c: i32, p: i32): void {
  const wide = w + 2 * p;
  const run = <usize>(w * c) << 2;
  for (let s = 0; s < batch; s++) {
    for (let row = 0; row < h; row++) {
      memory.copy(
        to + (<usize>((((h + 2 * p) * s + row + p) * wide + p) * c) << 2),
        from + (<usize>((s * h + row) * w * c) << 2),
        run,
      );
    }
  }
}

// Mean and variance of each of n channels over `rows` rows.
export function moments(y: usize, rows: i32, n: i32, mean: usize, variance: usize): void {
  for (let j = 0; j < n; j += 4) {
    let sum = f32x4.splat(0);
    let squares = sum;
    let from = y + (<usize>j << 2);
    for (let i = 0; i < rows; i++) {
      const v = v128.load(from);
      sum = f32x4.add(sum, v);
      squares = f32x4.add(squares, f32x4.mul(v, v));
      from += <usize>n << 2;
    }
    const share = f32x4.splat(<f32>1 / <f32>rows);
    const m = f32x4.mul(sum, share);
    v128.store(mean + (<usize>j << 2), m);
    const v = f32x4.sub(f32x4.mul(squares, share), f32x4.mul(m, m));
    v128.store(variance + (<usize>j << 2), f32x4.max(v, f32x4.splat(0)));
  }
}

// y ← (y − mean) · inverse, and z ← relu(y · gamma + beta).
export function normaliseRelu(
  y: usize, z: usize, rows: i32, n: i32, mean: usize, inverse: usize, gamma: usize, beta: usize,
): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j += 4) {
      const o = <usize>j << 2;
      const at = (<usize>(i * n) << 2) + o;
      const v = f32x4.mul(f32x4.sub(v128.load(y + at), v128.load(mean + o)), v128.load(inverse + o));
      v128.store(y + at, v);
      v128.store(z + at, f32x4.max(zero, f32x4.add(f32x4.mul(v, v128.load(gamma + o)), v128.load(beta + o))));
    }
  }
}

// y ← max(0, y + bias), or y + bias.
export function addBias(y: usize, rows: i32, n: i32, bias: usize, relu: bool): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j++) {
      const at = y + (<usize>(i * n + j) << 2);
      const v = load<f32>(at) + load<f32>(bias + (<usize>j << 2));
      store<f32>(at, relu && v < 0 ? 0 : v);
    }
  }
}

// 2 × 2, stride 2.
export function maxPool(z: usize, out: usize, batch: i32, h: i32, w: i32, n: i32): void {
  const next = <usize>n << 2;
  const below = <usize>(w * n) << 2;
  for (let s = 0; s < batch * (h >> 1); s++) {
    for (let column = 0; column < w >> 1; column++) {
      const from = z + (<usize>((2 * s * w + 2 * column) * n) << 2);
      const to = out + (<usize>((s * (w >> 1) + column) * n) << 2);
      for (let o: usize = 0; o < next; o += 16) {
        const p = from + o;
        const top = f32x4.max(v128.load(p), v128.load(p + next));
        const bottom = f32x4.max(v128.load(p + below), v128.load(p + below + next));
        v128.store(to + o, f32x4.max(top, bottom));
      }
    }
  }
}

// dz[batch, h, w, n] from dOut: to every element that equals the maximum and is positive (what relu lets through).
export function maxPoolGradient(z: usize, out: usize, dOut: usize, dz: usize, batch: i32, h: i32, w: i32, n: i32): void {
  const next = <usize>n << 2;
  const below = <usize>(w * n) << 2;
  const zero = f32x4.splat(0);
  for (let s = 0; s < batch * (h >> 1); s++) {
    for (let column = 0; column < w >> 1; column++) {
      const large = <usize>((2 * s * w + 2 * column) * n) << 2;
      const small = <usize>((s * (w >> 1) + column) * n) << 2;
      for (let o: usize = 0; o < next; o += 16) {
        const most = v128.load(out + small + o);
        const d = v128.and(v128.load(dOut + small + o), f32x4.gt(most, zero));
        let at = large + o;
        v128.store(dz + at, v128.and(d, f32x4.eq(v128.load(z + at), most)));
        at += next;
        v128.store(dz + at, v128.and(d, f32x4.eq(v128.load(z + at), most)));
        at += below - next;
        v128.store(dz + at, v128.and(d, f32x4.eq(v128.load(z + at), most)));
        at += next;
        v128.store(dz + at, v128.and(d, f32x4.eq(v128.load(z + at), most)));
      }
    }
  }
}

// dz ← dz where z > 0, else 0.
export function reluGradient(z: usize, dz: usize, count: i32): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < count; i += 4) {
    const at = <usize>i << 2;
    v128.store(dz + at, v128.and(v128.load(dz + at), f32x4.gt(v128.load(z + at), zero)));
  }
}

// Batch norm backwards: `hat` holds the normalised values. dz becomes dy; dGamma and dBeta are overwritten.
export function normaliseGradient(
  hat: usize, dz: usize, rows: i32, n: i32, gamma: usize, inverse: usize, dGamma: usize, dBeta: usize,
): void {
  const share = f32x4.splat(<f32>1 / <f32>rows);
  for (let j = 0; j < n; j += 4) {
    const o = <usize>j << 2;
    let sum = f32x4.splat(0);
    let product = sum;
    let at = o;
    for (let i = 0; i < rows; i++) {
      const d = v128.load(dz + at);
      sum = f32x4.add(sum, d);
      product = f32x4.add(product, f32x4.mul(d, v128.load(hat + at)));
      at += <usize>n << 2;
    }
    v128.store(dGamma + o, product);
    v128.store(dBeta + o, sum);
    const factor = f32x4.mul(v128.load(gamma + o), v128.load(inverse + o));
    const meanSum = f32x4.mul(sum, share);
    const meanProduct = f32x4.mul(product, share);
    at = o;
    for (let i = 0; i < rows; i++) {
      const d = f32x4.sub(f32x4.sub(v128.load(dz + at), meanSum), f32x4.mul(v128.load(hat + at), meanProduct));
      v128.store(dz + at, f32x4.mul(factor, d));
      at += <usize>n << 2;
    }
  }
}
