/**
 * Rewrite rules for names, the job of tftpd-hpa's map file (`tftpd -m`) without its regular expressions: a name
 * of 128 bytes against an administrator's backtracking pattern is a denial of service, a glob is not.
 *
 * In `match`: `*` is any run inside one segment, `**` any run, `?` one character that is not `/`; each takes as
 * little as it can. In `to`: `{1}` … `{9}` are what they took, `{1:lower}` and `{1:upper}` in another case.
 * Rules run once, in order. Only a legal name is rewritten, and the result must be legal again: no rule repairs a
 * forbidden name. Refuses: more than `rewriteRulesMax` rules, long patterns, references to nothing.
 */
import { rewritePatternCharsMax, rewriteRulesMax } from '../../base/limits.ts';
import { bad, good } from '../../base/outcome.ts';
import type { Outcome } from '../../base/outcome.ts';

export interface RewriteRule {
  readonly match: string;
  /** The new name; without it a matching name is answered as unknown. */
  readonly to?: string | undefined;
  readonly ignoreCase?: boolean | undefined;
  /** What follows a match: the rules after this one (`next`) or none (`stop`, as hpa's `e`). Default `stop`. */
  readonly onMatch?: 'next' | 'stop' | undefined;
}

/** The name to look up, or `undefined` when a rule refuses it. */
export type Rewrite = (name: string) => string | undefined;

export interface RewriteProblem {
  /** Index into the rules; `undefined` when there are too many of them. */
  readonly rule: number | undefined;
  readonly field: 'match' | 'to' | undefined;
  readonly reason: string;
}

export function compileRewrite(rules: readonly RewriteRule[]): Outcome<Rewrite, RewriteProblem> {
  if (rules.length > rewriteRulesMax) {
    return bad({ rule: undefined, field: undefined, reason: `at most ${rewriteRulesMax} rules` });
  }
  const steps: Step[] = [];
  for (const [index, rule] of rules.entries()) {
    const step = compileRule(rule);
    if (!step.ok) return bad({ rule: index, ...step.error });
    steps.push(step.value);
  }
  return good((name) => applySteps(steps, name));
}

type Token = { readonly literal: string } | { readonly wild: 'one' | 'segment' | 'any' };
type Piece =
  { readonly literal: string } | { readonly capture: number; readonly letters: 'as-is' | 'lower' | 'upper' };

interface Step {
  readonly tokens: readonly Token[];
  readonly pieces: readonly Piece[] | undefined;
  readonly ignoreCase: boolean;
  readonly stop: boolean;
}

function applySteps(steps: readonly Step[], asked: string): string | undefined {
  let name = asked;
  for (const step of steps) {
    const captures = matchName(step, name);
    if (captures === undefined) continue;
    if (step.pieces === undefined) return undefined;
    name = step.pieces.map((piece) => expand(piece, captures)).join('');
    if (step.stop) break;
  }
  return name;
}

function compileRule(rule: RewriteRule): Outcome<Step, { field: 'match' | 'to'; reason: string }> {
  const tooLong = `at most ${rewritePatternCharsMax} characters`;
  if (rule.match.length === 0) return bad({ field: 'match', reason: 'must not be empty' });
  if (rule.match.length > rewritePatternCharsMax) return bad({ field: 'match', reason: tooLong });
  if ((rule.to?.length ?? 0) > rewritePatternCharsMax) return bad({ field: 'to', reason: tooLong });
  const tokens = readTokens(rule.match);
  const wilds = tokens.filter((token) => 'wild' in token).length;
  const pieces = rule.to === undefined ? undefined : readPieces(rule.to);
  for (const piece of pieces ?? []) {
    if ('literal' in piece) {
      if (/[{}]/.test(piece.literal)) {
        return bad({ field: 'to', reason: 'braces hold {1} … {9}, {1:lower} or {1:upper}' });
      }
    } else if (piece.capture > wilds) {
      return bad({
        field: 'to',
        reason: `{${piece.capture}} refers to nothing: match has ${wilds} wildcards`,
      });
    }
  }
  return good({ tokens, pieces, ignoreCase: rule.ignoreCase ?? false, stop: rule.onMatch !== 'next' });
}

function readTokens(pattern: string): readonly Token[] {
  return (pattern.match(/\*\*|\*|\?|[^*?]+/g) ?? []).map((text) => {
    if (text === '**') return { wild: 'any' };
    if (text === '*') return { wild: 'segment' };
    return text === '?' ? { wild: 'one' } : { literal: text };
  });
}

function readPieces(template: string): readonly Piece[] {
  return template.split(/(\{[1-9](?::lower|:upper)?\})/).flatMap((text): Piece[] => {
    const reference = /^\{([1-9])(?::(lower|upper))?\}$/.exec(text);
    if (reference === null) return text === '' ? [] : [{ literal: text }];
    const letters = reference[2] === 'lower' || reference[2] === 'upper' ? reference[2] : 'as-is';
    return [{ capture: Number(reference[1]), letters }];
  });
}

function expand(piece: Piece, captures: readonly string[]): string {
  if ('literal' in piece) return piece.literal;
  const text = captures[piece.capture - 1] ?? '';
  if (piece.letters === 'lower') return text.toLowerCase();
  return piece.letters === 'upper' ? text.toUpperCase() : text;
}

/** What the wildcards took, or `undefined`. At most tokens × characters steps: a dead end is visited once. */
function matchName(step: Step, name: string): readonly string[] | undefined {
  const fold = (text: string) => (step.ignoreCase ? text.toLowerCase() : text);
  const folded = fold(name);
  const dead = new Set<number>();
  const captures: string[] = [];

  const tryFrom = (token: number, at: number): boolean => {
    const current = step.tokens[token];
    if (current === undefined) return at === name.length;
    const place = token * (name.length + 1) + at;
    if (dead.has(place)) return false;
    if ('literal' in current) {
      if (folded.startsWith(fold(current.literal), at) && tryFrom(token + 1, at + current.literal.length)) {
        return true;
      }
    } else if (tryWild(current.wild, token, at)) return true;
    dead.add(place);
    return false;
  };

  const tryWild = (wild: 'one' | 'segment' | 'any', token: number, at: number): boolean => {
    const least = wild === 'one' ? 1 : 0;
    const most = wild === 'one' ? 1 : name.length - at;
    for (let length = 0; length <= most && at + length <= name.length; length++) {
      if (length > 0 && wild !== 'any' && name[at + length - 1] === '/') return false;
      if (length < least) continue;
      captures.push(name.slice(at, at + length));
      if (tryFrom(token + 1, at + length)) return true;
      captures.pop();
    }
    return false;
  };

  return tryFrom(0, 0) ? captures : undefined;
}
