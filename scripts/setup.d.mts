export type Goal = 'install' | 'build' | 'test';
export function setUp(goal: Goal): Promise<void>;
export function reportSetupFailure(error: unknown): void;
