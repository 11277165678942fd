using System.Diagnostics;
using System.Text;
using Sluice.Build.Check;
using Sluice.Build.Look;
using Sluice.Build.Tests.Support;
using Sluice.Build.Unpack;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Trees;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Unpack;

public class UnpackTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_image_unpacked_to_a_tar_is_the_same_image_in_one_layer(bool accelerated)
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        using var tar = new MemoryStream();
        UnpackResult result = await new TarUnpacker(await OpenAsync(accelerated ? workshop.Destination : workshop.Source), tar).RunAsync(CancellationToken.None);
        Assert.Empty(result.Warnings);
        await new TestImage().Layer(TestLayer.Raw(tar.ToArray(), MediaTypes.OciLayer)).StoreAsync(workshop.Destination, "flat");
        Assert.Empty((await workshop.CheckAsync(image: "flat")).Differences);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_image_unpacked_to_a_directory_is_what_tar_sees_there(bool accelerated)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "owners and devices need root");
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        string directory = workshop.File("out");
        UnpackResult result = await new DirectoryUnpacker(await OpenAsync(accelerated ? workshop.Destination : workshop.Source), directory).RunAsync(CancellationToken.None);
        Assert.Empty(result.Warnings);
        string tar = workshop.File("out.tar");
        Run("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--format=posix", "-C", directory, "-cf", tar, ".");
        await new TestImage().Layer(TestLayer.Raw(await File.ReadAllBytesAsync(tar), MediaTypes.OciLayer)).StoreAsync(workshop.Destination, "flat");
        Assert.Empty((await workshop.CheckAsync(image: "flat")).Differences);
    }

    [Fact]
    public async Task Links_of_the_image_lead_no_write_out_of_the_directory()
    {
        await using var workshop = new Workshop();
        string outside = workshop.File("outside"), inside = workshop.File("inside");
        Directory.CreateDirectory(outside);
        await new TestImage()
            .Layer(l => l.Link("abs", outside).Link("up", "../outside").Directory("d").Link("d/self", ".").File("d/f", "f"))
            .Layer(l => l.File("abs/x", "1").File("up/y", "2").Directory("abs2").HardLink("abs2/z", "d/self/f"))
            .StoreAsync(workshop.Source, "a");
        await new DirectoryUnpacker(await OpenAsync(workshop.Source), inside).RunAsync(CancellationToken.None);
        Assert.Empty(Directory.EnumerateFileSystemEntries(outside));
        Assert.Equal("f", await File.ReadAllTextAsync(Path.Combine(inside, "abs2/z")));
    }

    [Fact]
    public void A_directory_that_became_a_link_is_not_entered()
    {
        using var directory = new Testing.TemporaryDirectory();
        Directory.CreateDirectory(directory.File("root/a"));
        using var open = new OpenDirectories(directory.File("root"));
        Assert.True(open.Open("/a"u8) >= 0);
        Directory.CreateSymbolicLink(directory.File("root/b"), directory.Path);
        Assert.Throws<SluiceException>(() => open.Open("/b"u8));
        Assert.Throws<SluiceException>(() => open.Open("/b/root"u8));
    }

    [Fact]
    public async Task A_directory_with_files_in_it_is_refused()
    {
        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(async () =>
            await new DirectoryUnpacker(await OpenAsync(workshop.Source), workshop.Path).RunAsync(CancellationToken.None));
        Assert.Equal(SluiceError.Usage, error.Error);
    }

    [Fact]
    public async Task Damaged_content_stops_an_unpacking_with_an_error()
    {
        await using var workshop = new Workshop();
        await new TestImage().Layer(l => l.File("a", Samples.Bytes(20_000, 1))).StoreAsync(workshop.Source, "a");
        Digest blob = (await workshop.ConvertAsync()).Images[0].Layers[0].Blob.Digest;
        byte[] content = await File.ReadAllBytesAsync(workshop.BlobFile("destination", blob));
        content.AsSpan(0, 2048).Fill(7);
        await File.WriteAllBytesAsync(workshop.BlobFile("destination", blob), content);
        await Assert.ThrowsAnyAsync<SluiceException>(async () => await new TarUnpacker(await OpenAsync(workshop.Destination), Stream.Null).RunAsync(CancellationToken.None));
    }

    internal static async Task<ImageContents> OpenAsync(IImageStore store, int window = 1 << 16) =>
        await ImageContents.OpenAsync(await Workshop.ResolveAsync(store), window, CancellationToken.None);

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
    }
}
