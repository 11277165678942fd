using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Deploy;

/// <summary>A registry with the same image in both formats.</summary>
internal sealed class TestRegistryWithImages : IAsyncDisposable
{
    private readonly Workspace _workspace = new();
    private TestRegistry? _registry;

    /// <summary>The same image in each format.</summary>
    public IReadOnlyList<string> Images { get; private set; } = [];

    public string BlockImage => Images[^1];

    public TestRegistry Registry => _registry!;

    public static async Task<TestRegistryWithImages> StartAsync()
    {
        TestMachine.RequireMounts();
        TestRegistryWithImages self = new();
        try
        {
            self._registry = await TestRegistry.StartAsync(self._workspace.File("registry"));
            string ordinary = $"{self._registry.Host}/app:plain";
            await new OrdinaryImage().PushAsync(ordinary);
            List<string> images = [];
            foreach (string format in (string[])["rafs", "overlaybd"])
            {
                images.Add($"{self._registry.Host}/app:{format}");
                (await SluiceProgram.RunAsync("convert", "--format", format, ordinary, images[^1])).Succeeds();
            }

            self.Images = images;
            return self;
        }
        catch
        {
            await self.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_registry is not null) await _registry.DisposeAsync();
        _workspace.Dispose();
    }
}
