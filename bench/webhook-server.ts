/** One process of the bench `payments`: the API as it is, or an Express route that inserts one document for each body. */
import express from 'express';
import { serve } from './serve.ts';

// Majority and journal, as the connection says.
await serve((mongo) => {
  return express().post('/', express.json(), async (request, response) => {
    await mongo.connection.collection('bare').insertOne(request.body);
    response.json({ received: true });
  });
}, 'info');
