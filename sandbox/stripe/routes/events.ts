import { eventOf, eventsOf } from '../events.ts';
import { createdFilter, page, paging } from '../lists.ts';
import { bool, text, textList } from '../params.ts';
import { route } from '../route.ts';

export const eventRoutes = [
  route('GET events/:id', 'events.retrieve', 'event', {}, (store, _, id) => eventOf(store, id)),
  route(
    'GET events',
    'events.list',
    'event[]',
    { created: createdFilter, delivery_success: bool, type: text, types: textList, ...paging },
    (store, params) => page(eventsOf(store, params), '/v1/events', params),
  ),
];
