/** @returns the listening server of a Nest application (on Express) that is traced in the way that is asked for */
export async function nest(how) {
  await import('reflect-metadata');
  const { Controller, Get, Module, Param } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');

  class UsersController {
    async find(id) {
      return { id };
    }
  }
  const { prototype } = UsersController;
  Reflect.defineMetadata('design:paramtypes', [String], prototype, 'find');
  Param('id')(prototype, 'find', 0);
  Get(':id')(prototype, 'find', Object.getOwnPropertyDescriptor(prototype, 'find'));
  Controller('users')(UsersController);

  const imports = [];
  if (how === 'ours') {
    const { SpanwiseModule } = await import('spanwise/nestjs');
    imports.push(SpanwiseModule.forRoot());
  }
  class AppModule {}
  Module({ imports, controllers: [UsersController] })(AppModule);

  const app = await NestFactory.create(AppModule, { logger: false });
  if (how === 'raw') {
    const { enter } = await import('./raw.mjs');
    app.use((request, response, next) => enter(request, response, () => request.route?.path, next));
  }
  await app.listen(0, '127.0.0.1');
  return app.getHttpServer();
}
