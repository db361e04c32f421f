/** `f16` engines compute in half precision somewhere; they serve only plans with a lossy budget. */
export type Accuracy = 'f32' | 'f16';
