/** One process of the bench `pricing`: the API as it is, or an Express route that reads one document and answers with it. */
import express from 'express';
import { serve } from './serve.ts';

await serve(({ models }) => {
  return express().get('/:sku', async (request, response) => {
    response.json(await models.products.findById(request.params.sku).lean());
  });
}, 'warn');
