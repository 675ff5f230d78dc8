/** Tells how a database that is elsewhere does: the log of every change, the metrics all the time. */
import { nodeStateEveryMs } from '../base/limits-database.ts';
import type { Event, EventSink } from '../base/events.ts';
import type { SourceState, Subscription } from '../store/subscription.ts';

/** Gives what ends it. `count` reaches the metrics only, of an edge that may have been started anew. */
export function watchDatabase(subscription: Subscription, onEvent: EventSink, count: EventSink): () => void {
  const tell = (event: Event): void => {
    onEvent(event);
    count(event);
  };
  const eventOf = ({ awaySinceMs, reason }: SourceState): Event => ({
    type: 'database',
    state: awaySinceMs === undefined ? 'here' : 'away',
    version: subscription.servedVersion(),
    awaySeconds: awaySinceMs === undefined ? 0 : Math.round((performance.now() - awaySinceMs) / 1000),
    reason,
  });
  const begun = subscription.state();
  if (begun.awaySinceMs !== undefined) tell(eventOf(begun));
  subscription.onState((state) => tell(eventOf(state)));
  const timer = setInterval(() => count(eventOf(subscription.state())), nodeStateEveryMs);
  return () => clearInterval(timer);
}
